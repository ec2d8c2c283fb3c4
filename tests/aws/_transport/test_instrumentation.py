"""Instrumentation of botocore that the calls of the library do without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from wrapt import FunctionWrapper

from mega.aws._hooks.instrumentation import Instrumentation
from mega.aws._transport.botocore_private import unwrapped
from mega.aws._transport.client import AwsClient, create_client
from mega.local import Server

PACKAGE = 'tests.aws._transport.test_instrumentation'


class Wrappers:
    """Wrappers of two packages. `calls` has the calls that they saw."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.is_suppressed = False

    def wrapper(self, name: str, package: str = PACKAGE) -> Any:
        def call(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            if package != PACKAGE or not self.is_suppressed:
                self.calls.append(name)
            return wrapped(*args, **kwargs)

        call.__module__ = package
        return call

    @contextmanager
    def suppress(self) -> Iterator[None]:
        self.is_suppressed = True
        yield
        self.is_suppressed = False


@pytest.fixture
def wrappers() -> Wrappers:
    return Wrappers()


def wrap(monkeypatch: pytest.MonkeyPatch, aws: AwsClient, method: str, wrapper: Any) -> None:
    kind = type(aws.client)
    monkeypatch.setattr(kind, method, FunctionWrapper(getattr(kind, method), wrapper))


def client(server: Server, **settings: Any) -> AwsClient:
    return create_client('sqs', None, attempts=1, **server.credentials, **settings)


@pytest.mark.parametrize('method', ['list_queues', '_make_api_call'])
@pytest.mark.parametrize('is_before', [True, False], ids=['before', 'after'])
def test_calls_stay_direct_if_only_that_instrumentation_wraps_them(
    method: str,
    is_before: bool,
    server: Server,
    wrappers: Wrappers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aws = client(server, instrumentation=Instrumentation(PACKAGE, wrappers.suppress))
    other = client(server)
    try:
        if not is_before:
            aws.call('list_queues')
        for each in (aws, other):
            wrap(monkeypatch, each, method, wrappers.wrapper('ignored'))
        aws.call('list_queues')
        assert not wrappers.calls
        other.call('list_queues')
        assert wrappers.calls == ['ignored']
        wrap(monkeypatch, aws, method, wrappers.wrapper('another', 'another'))
        aws.call('list_queues')
        assert wrappers.calls == ['ignored', 'another']
    finally:
        aws.close()
        other.close()


def test_calls_through_botocore_skip_the_wrapper_and_suppress_inner_ones(
    server: Server,
    wrappers: Wrappers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('MEGA_TRANSPORT', 'botocore')
    aws = client(server, instrumentation=Instrumentation(PACKAGE, wrappers.suppress))
    try:
        wrap(monkeypatch, aws, 'list_queues', wrappers.wrapper('outer'))
        wrap(monkeypatch, aws, '_make_api_call', wrappers.wrapper('inner'))
        aws.call('list_queues')
        assert not wrappers.calls
        assert not wrappers.is_suppressed
        aws.client.list_queues()
        assert wrappers.calls == ['outer', 'inner']
    finally:
        aws.close()


def test_only_wrappers_of_the_package_are_removed(wrappers: Wrappers) -> None:
    once: Any = FunctionWrapper(len, wrappers.wrapper('a'))
    twice: Any = FunctionWrapper(once, wrappers.wrapper('b'))
    other: Any = FunctionWrapper(once, wrappers.wrapper('c', 'another'))
    assert unwrapped(once, PACKAGE) is unwrapped(twice, PACKAGE) is len
    assert unwrapped(other, PACKAGE) is other
    assert unwrapped(once, None) is once
