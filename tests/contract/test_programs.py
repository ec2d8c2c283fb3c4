"""Backends answer alike to random programs."""

from __future__ import annotations

from hypothesis import given, settings

from tests.contract.backend import Backend
from tests.contract.programs import Program, Run, any_program, timeless_program
from tests.profile import amount


def answer_alike(program: Program, *runs: Run) -> None:
    """Perform each step of a program on all backends, and compare the results."""
    for place, step in enumerate(program):
        first, *others = (run.perform(step) for run in runs)
        for other in others:
            assert other == first, f'step {place}: {step}'


@given(program=any_program())
@settings(max_examples=amount(15, 1_000))
def test_the_bus_and_the_local_server_answer_alike(
    bus_backend: Backend, local_backend: Backend, program: Program
) -> None:
    answer_alike(program, Run(bus_backend), Run(local_backend))


@given(program=timeless_program())
@settings(max_examples=amount(10, 500))
def test_the_bus_and_the_local_server_answer_as_ministack(
    bus_backend: Backend, local_backend: Backend, ministack_backend: Backend, program: Program
) -> None:
    backends = (bus_backend, local_backend, ministack_backend)
    answer_alike(program, *(Run(backend, is_timeless=True) for backend in backends))
