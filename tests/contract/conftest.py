"""The backends of the contract, and the gaps of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config

import mega.local
from mega.local import Fault
from mega.testing import Bus
from tests.contract.backend import Backend
from tests.contract.gaps import COLLECTED, behaviour_of, behaviours, reason_of
from tests.contract.programs import LOST
from tests.local_aws import REGION, LocalAws, Service
from tests.profile import amount

BACKENDS = ('bus', 'local', 'moto', 'ministack')
GIVEN = 'endpoint'  # the name of the backend that the option gives

_SERVICES: tuple[Service, ...] = ('sqs', 'sns', 's3')

# A local server that answers 500 would do so again.
_ONE_ATTEMPT = Config(retries={'total_max_attempts': 1}, s3={'addressing_style': 'path'})
_AWS_ATTEMPTS = Config(retries={'mode': 'standard'})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test against every backend, or only against the endpoint of the option."""
    if 'aws' in metafunc.fixturenames:
        is_given = metafunc.config.getoption('--mega-endpoint-url')
        names = (GIVEN,) if is_given else BACKENDS
        metafunc.parametrize('aws', names, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect each listed gap to fail, and to fail the run if it passes."""
    for item in behaviours(items):
        item.config.stash.setdefault(COLLECTED, set()).add(behaviour_of(item))
        item.add_marker('no_cover')  # the tests concern AWS, and no code of the package
        if reason := reason_of(item):
            # `gaps.py` has the reason of each gap. A gap that has disappeared fails.
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
            item.repr_failure = repr  # type: ignore[assignment, method-assign]


@pytest.fixture
def aws(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Each backend in turn."""
    backend: Backend = request.getfixturevalue(f'{request.param}_backend')
    yield backend
    if backend.is_aws:
        backend.delete_resources()


@pytest.fixture(scope='session')
def bus_backend() -> Backend:
    """The in-memory AWS in this process."""
    bus = Bus()

    def inject(operation: str, fault: str) -> None:
        if fault == LOST:
            bus.lose(operation)
        else:
            bus.fail(operation, fault)

    return Backend(
        'bus',
        bus.sqs,
        bus.sns,
        bus.s3,
        REGION,
        advance_clock=bus.advance,
        inject=inject,
        waits_in_own_time=True,
    )


@pytest.fixture(scope='session')
def local_backend() -> Iterator[Backend]:
    """The in-memory AWS over HTTP."""
    with mega.local.LocalAws() as server:

        def inject(operation: str, fault: str) -> None:
            step = Fault.RESET_AFTER if fault == LOST else Fault.ERROR
            server.script(step, operation=operation)

        backend = _over_http('local', server.credentials)
        yield replace(backend, advance_clock=server.advance, inject=inject)


@pytest.fixture(scope='session')
def moto_backend(moto: LocalAws) -> Backend:
    """moto's server. A test of a second's wait runs at night only."""
    return _over_http('moto', moto.credentials)


@pytest.fixture(scope='session')
def ministack_backend(ministack: LocalAws) -> Backend:
    return _over_http('ministack', ministack.credentials)


@pytest.fixture(scope='session', autouse=True)  # each test removes the settings of the developer
def endpoint_backend(pytestconfig: pytest.Config) -> Backend | None:
    """The endpoint of the option: AWS itself, or a server in its place, with your credentials."""
    url = pytestconfig.getoption('--mega-endpoint-url')
    if not url:
        return None
    is_aws = url == 'aws'
    session = boto3.Session()
    sqs, sns, s3 = (
        session.client(name, endpoint_url=None if is_aws else url, config=_AWS_ATTEMPTS)
        for name in _SERVICES
    )
    longest_wait = 310  # seconds: beyond the five minutes of deduplication
    return Backend(GIVEN, sqs, sns, s3, sqs.meta.region_name, None, longest_wait, is_aws)


def _over_http(name: str, credentials: Mapping[str, Any]) -> Backend:
    session = boto3.Session()
    sqs, sns, s3 = (
        session.client(service, config=_ONE_ATTEMPT, **credentials) for service in _SERVICES
    )
    return Backend(name, sqs, sns, s3, credentials['region_name'], longest_wait=amount(0, 2))
