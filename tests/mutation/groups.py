"""The modules that mutation tests change, each with its tests, the fastest first."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ('GROUPS', 'SLOW', 'Group')


SLOW = (
    'tests/match/test_cases.py::test_all_patterns_in_one_set_agree_with_evaluate_on_all_payloads',
    'tests/match/test_field.py::test_a_field_with_any_scalar_matches_like_this_scalar',
    'tests/match/test_repr.py::test_the_repr_of_a_field_is_its_path',
)
"""Tests that take longest, and find few mutants that the others do not find."""


class Group(NamedTuple):
    modules: tuple[str, ...]
    tests: tuple[str, ...]


LISTENER = 'mega/aws/sqs/subscribe'
TESTS_OF_LISTENER = 'tests/aws/sqs/subscribe'

TEST_OF_FORKS = 'test_a_child_process_of_a_subscriber_does_not_become_a_second_listener'
PATTERN_TESTS = (
    'tests/match/test_functions.py', 'tests/match/test_declaration.py',
    'tests/match/test_missing.py', 'tests/match/test_predicates.py',
    'tests/match/test_immutability.py', 'tests/match/test_cases.py',
    'tests/match/test_arrays.py', 'tests/match/test_network_and_kind.py',
    'tests/match/test_repr.py', 'tests/match/test_pattern_set.py',
    'tests/match/test_pattern_set_agreement.py',
)  # fmt: skip

GROUPS = {
    'codec': Group(
        ('mega/codec',),
        (
            'tests/test_codec.py', 'tests/test_codec_bson.py', 'tests/test_codec_detection.py',
            'tests/test_faults_bodies.py', 'tests/test_codec_properties.py',
        ),
    ),
    'functions': Group(
        ('mega/match/functions',),
        (
            *PATTERN_TESTS, 'tests/match/test_text.py', 'tests/match/test_field.py',
        ),
    ),
    'pattern': Group(
        ('mega/match/pattern.py', 'mega/match/comparables.py'),
        (
            *PATTERN_TESTS, 'tests/match/test_numbers.py', 'tests/match/test_dates.py',
            'tests/match/test_values.py', 'tests/match/test_decimal_contexts.py',
        ),
    ),
    'settlement': Group(
        (f'{LISTENER}/processing/settlement.py',),
        (
            f'{TESTS_OF_LISTENER}/processing/test_settlement.py',
            f'{TESTS_OF_LISTENER}/processing/test_failures.py',
            f'{TESTS_OF_LISTENER}/processing/test_unexpected_errors.py',
            f'{TESTS_OF_LISTENER}/test_retries.py',
        ),
    ),
    'dispatch': Group(
        (f'{LISTENER}/processing/dispatch.py',),
        (
            f'{TESTS_OF_LISTENER}/processing/test_dispatch.py',
            f'{TESTS_OF_LISTENER}/processing/test_failures.py',
            f'{TESTS_OF_LISTENER}/processing/test_hooks.py',
            f'{TESTS_OF_LISTENER}/processing/test_hook_failures.py',
            f'{TESTS_OF_LISTENER}/test_log_of_failures.py',
            f'{TESTS_OF_LISTENER}/runtime/test_signals.py::{TEST_OF_FORKS}[forking]',
        ),
    ),
    'engine': Group(
        (f'{LISTENER}/engine',),
        (f'{TESTS_OF_LISTENER}/engine', 'tests/simulation/test_schedules.py'),
    ),
}  # fmt: skip
