"""Fixtures for every test: local AWS servers, and no access to other machines."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from contextvars import copy_context
from functools import wraps
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import hypothesis
import pytest
from botocore import handlers

import mega
from tests import local_aws, servers
from tests.local_aws import LocalAws
from tests.profile import NIGHTLY, PROFILE
from tests.shared_sessions import share_between_sessions

SERVERS = ('moto', 'ministack')

# A busy machine must not fail a test. Tests about time measure it themselves.
_patient = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile('default', _patient, max_examples=25, derandomize=True)
hypothesis.settings.register_profile('nightly', _patient, max_examples=2_000, print_blob=True)
hypothesis.settings.register_profile('mutation', _patient, max_examples=10, derandomize=True)
hypothesis.settings.load_profile(PROFILE)

# Programs that tests start behave as in the foreground, however the tests were started: a terminal
# has no settings for them, and no signal is ignored, as those are that `nohup` and `&` ignore.
for _name in ('COLUMNS', 'LINES', 'NO_COLOR', 'FORCE_COLOR'):
    os.environ.pop(_name, None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for _signal in (signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, signal.SIG_DFL)

_reachable: set[str] = set()
"""The hosts of the option `--mega-endpoint-url`, with their addresses; `*` for any host."""


def pytest_addoption(parser: pytest.Parser) -> None:
    with suppress(ValueError):  # the plugin of the package has defined it
        parser.addoption(
            '--mega-endpoint-url',
            metavar='URL',
            help='run the contract tests against a server, or with `aws` against AWS itself, with '
            'the credentials and the region that boto3 finds',
        )


def pytest_configure(config: pytest.Config) -> None:
    """Allow connections to the endpoint of the option, which may be on another machine."""
    if url := config.getoption('--mega-endpoint-url'):
        _reachable.update(_hosts_of(url))


def _hosts_of(url: str) -> set[str]:
    if url == 'aws':
        return {'*'}
    host = urlsplit(url).hostname
    if host is None:
        raise pytest.UsageError(f'--mega-endpoint-url must be `aws` or a URL: {url!r}')
    _reachable.add(host)
    return {host, *(str(address[4][0]) for address in socket.getaddrinfo(host, None))}


def _stay_on_loopback(event: str, arguments: tuple[object, ...]) -> None:
    """Fail a test that resolves the name of another machine, or connects or sends to it.

    As an audit hook, the function sees every socket of this process.
    """
    if event in ('socket.connect', 'socket.sendto', 'socket.sendmsg'):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # otherwise a Unix socket
    elif event in ('socket.getaddrinfo', 'socket.gethostbyname'):
        host = arguments[0]
    else:
        return
    if not _is_allowed(host):
        pytest.fail(f'a test must not leave this machine: {event} {host!r}')


def _is_allowed(host: object) -> bool:
    if host in (None, '', b'', 'localhost', b'localhost'):
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    if _reachable & {'*', name}:
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


sys.addaudithook(_stay_on_loopback)


class MeasureCalls:
    """Measure coverage only while a test function runs: pytest is slow when it is traced."""

    def __init__(self, coverage: Any) -> None:
        self._coverage = coverage

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        self._coverage.start()
        try:
            yield
        finally:
            self._coverage.stop()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> Iterator[None]:
    """Let pytest-cov measure the import of the package, and pause it until the first call."""
    plugin: Any = session.config.pluginmanager.getplugin('_cov')
    is_measured = plugin and plugin.cov_controller
    if is_measured and hasattr(session.config, 'workerinput'):
        # pytest-cov also starts the measurement of a controller in each worker. Coverage would
        # resume it at each pause of the worker's own, so that the mark `no_cover` had no effect.
        plugin.cov_controller.cov.stop()
    yield
    if is_measured:
        for module in pkgutil.walk_packages(mega.__path__, 'mega.'):
            importlib.import_module(module.name)
        plugin.cov_controller.cov.stop()
        session.config.pluginmanager.register(MeasureCalls(plugin.cov_controller.cov))


_TESTS = Path(__file__).parent
_CHAOS, _CONTRACT = _TESTS / 'chaos', _TESTS / 'contract'
_NO_COVER_DIRECTORIES = {_CHAOS, _TESTS / 'simulation', _TESTS / 'benchmarks'}
_SERVER_FIXTURES = {'aws', 'server', 'faults', 'moto', 'ministack'}
_MEASURED_CASES = 8
_MEASURED_CASES_WITH_SERVER = 2


@pytest.hookimpl(tryfirst=True)  # before the selection by marks, and before the shuffle
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _mark_tests_without_coverage(items)
    if not NIGHTLY:
        run, left_out = _few_on_moto(items)
        config.hook.pytest_deselected(items=left_out)
        items[:] = run


def _mark_tests_without_coverage(items: list[pytest.Item]) -> None:
    """Mark the tests that run without coverage, which doubles their cost.

    Hypothesis runs each of its tests a hundred times, over lines that other tests cover. The first
    cases of a test run nearly all lines of the others.
    """
    cases: Counter[str] = Counter()
    for item in items:
        function = item.nodeid.partition('[')[0]
        cases[function] += 1
        is_generated = hypothesis.is_hypothesis_test(getattr(item, 'obj', None))
        has_server = not _SERVER_FIXTURES.isdisjoint(getattr(item, 'fixturenames', ()))
        measured = _MEASURED_CASES_WITH_SERVER if has_server else _MEASURED_CASES
        if is_generated or cases[function] > measured or item.path.parent in _NO_COVER_DIRECTORIES:
            item.add_marker('no_cover')


def _few_on_moto(items: list[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Return the tests that run by day, and others: all tests of a module on moto but the first.

    A request to moto takes twice as long as one to ministack, which runs every claim. By day, too,
    moto runs the tests that ministack cannot. The contract tests say at night where moto differs
    from AWS. The chaos tests and those of the store in DynamoDB need many requests.
    """
    seen: set[Path] = set()
    only_at_night = {_CONTRACT, _CHAOS, _TESTS / 'hooks'}
    run: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        if _server_of(item) != 'moto' or _cannot_run_on('ministack', item):
            run.append(item)
        elif (
            item.path in seen
            or only_at_night.intersection(item.path.parents)
            or _cannot_run_on('moto', item)
        ):
            left_out.append(item)
        else:
            seen.add(item.path)
            run.append(item)
    return run, left_out


def _server_of(item: pytest.Item) -> object:
    """Return the name of the server of a test with the fixture `aws`."""
    case = getattr(item, 'callspec', None)
    return case and case.params.get('aws')


def _cannot_run_on(server: str, item: pytest.Item) -> bool:
    return any(server in mark.kwargs for mark in item.iter_markers('cannot'))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Import the tests without garbage collection, which would examine a growing heap again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the order
def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin with the tests that take longest, and exclude all from garbage collection.

    A chaos test waits for half a minute, in which the other workers would be idle at the end. The
    garbage collection of thousands of tests is slow.
    """
    session.items.sort(key=lambda item: item.path.parent != _CHAOS)
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[
    None, dict[str, Any] | None, dict[str, Any] | None
]:
    """Let a worker send no keywords with a test that passed: they are most of its report."""
    report = yield
    if report and report.get('outcome') == 'passed':
        report['keywords'] = {}
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Run each test in a copy of the context, because processing sets context variables."""
    pyfuncitem.obj = _in_copied_context(pyfuncitem.obj)


def _in_copied_context(test: Callable[..., object]) -> Callable[..., object]:
    @wraps(test)
    def run(**arguments: object) -> object:
        return copy_context().run(test, **arguments)

    return run


@pytest.fixture(scope='session', autouse=True)
def _sessions_share_what_is_the_same() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        share_between_sessions(patch)
        yield


@pytest.fixture(scope='module')
def no_handlers_of_moto() -> Iterator[None]:
    """Once imported, moto adds a handler to every client, so that calls go through botocore."""
    own = [each for each in handlers.BUILTIN_HANDLERS if 'moto' not in each[1].__module__]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handlers, 'BUILTIN_HANDLERS', own)
        yield


@pytest.fixture(autouse=True)
def _no_aws_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the developer's credentials, endpoints, profiles and proxies."""
    for name in os.environ:
        if name.startswith('AWS_') or name.lower().endswith('_proxy'):
            monkeypatch.delenv(name)
    monkeypatch.setenv('AWS_CONFIG_FILE', os.devnull)
    monkeypatch.setenv('AWS_SHARED_CREDENTIALS_FILE', os.devnull)
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')
    monkeypatch.setattr(boto3, 'DEFAULT_SESSION', None)  # it keeps the first credentials


def _skip_or_fail(problem: str) -> None:
    """Skip a test that cannot run here. In CI it fails, so that nothing is skipped there."""
    if problem and os.environ.get('CI') == 'true':
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)


@pytest.fixture(scope='session')
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """moto's server, which is widely used. Its FIFO order and deduplication differ from AWS."""
    with local_aws.moto(tmp_path_factory.mktemp('moto')) as aws:
        yield aws


@pytest.fixture(scope='session')
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """ministack, which keeps FIFO order. If it is not installed, its tests are skipped."""
    _skip_or_fail(local_aws.missing_ministack())
    with local_aws.ministack(tmp_path_factory.mktemp('ministack')) as aws:
        yield aws


@pytest.fixture(scope='session')
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server. If it is not installed, its tests are skipped, and fail in CI."""
    _skip_or_fail(servers.missing_redis())
    with servers.redis(tmp_path_factory.mktemp('redis')) as url:
        yield url


@pytest.fixture(scope='session')
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server. If it is not installed, its tests are skipped, and fail in CI."""
    _skip_or_fail(servers.missing_postgresql())
    with servers.postgresql() as url:
        yield url


@pytest.fixture(params=SERVERS)
def aws(request: pytest.FixtureRequest) -> LocalAws:
    """Each local server in turn, except servers that the test's `cannot` mark excludes.

    By day, moto runs only the first test of a module, and those that ministack cannot run.

    The mark says how a server differs from AWS:
    `@pytest.mark.cannot(moto='forgets deleted messages')`.
    """
    for mark in request.node.iter_markers('cannot'):
        if mark.args or not set(mark.kwargs) <= set(SERVERS):
            pytest.fail(f'cannot() takes a reason for each server, by its name: {mark}')
        if reason := mark.kwargs.get(request.param):
            pytest.skip(f'{request.param} {reason}')
    server: LocalAws = request.getfixturevalue(request.param)
    return server
