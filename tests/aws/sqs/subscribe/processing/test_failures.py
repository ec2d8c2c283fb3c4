"""Which exceptions are failures of the machine, and which concern the message."""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import socket
import ssl
from typing import Any

import pytest

from mega.aws.sqs.subscribe import ProcessStatus
from mega.aws.sqs.subscribe.processing.failures import is_system_failure
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.settlement import (
    SettlementAction,
    SettlementPolicy,
    settle,
    settle_unfetchable,
)
from mega.errors import OffloadError, RetriableError
from tests.aws.sqs.subscribe.factories import MESSAGE, group, outcomes, statuses, subscriber

FATAL, RETRIABLE = ProcessStatus.FATAL_ERROR, ProcessStatus.RETRIABLE_ERROR

LAST_RECEIVE = SettlementPolicy(has_dead_letter_queue=True, max_receives=1)


def caused_by(cause: BaseException) -> Exception:
    """Return an exception as a library raises it for another one."""
    error = ConnectionError('the service cannot be reached')
    error.__cause__ = cause
    return error


def raised_while_handling(context: BaseException) -> Exception:
    error = LookupError('the cache has failed')
    error.__context__ = context
    error.__suppress_context__ = True
    return error


def error_of(call: Any) -> BaseException:
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError('no error')


def submit_after_shutdown() -> None:
    executor = concurrent.futures.ThreadPoolExecutor(1)
    executor.shutdown()
    executor.submit(print)


def use_a_closed_loop() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    loop.call_soon(print)


NO_DESCRIPTOR = OSError(errno.EMFILE, 'Too many open files')

MACHINE = [
    NO_DESCRIPTOR,
    OSError(errno.ENFILE, 'Too many open files in system'),
    OSError(errno.ENOMEM, 'Cannot allocate memory'),
    OSError(errno.ENOSPC, 'No space left on device'),
    OSError(errno.EDQUOT, 'Disk quota exceeded'),
    OSError(errno.EAGAIN, 'Resource temporarily unavailable'),
    OSError(errno.EADDRNOTAVAIL, 'Cannot assign requested address'),
    MemoryError(),
    RuntimeError("can't start new thread"),
    socket.gaierror(socket.EAI_AGAIN, 'Temporary failure in name resolution'),
    concurrent.futures.BrokenExecutor('a process in the pool was terminated abruptly'),
    concurrent.futures.CancelledError(),
    asyncio.CancelledError(),
    error_of(submit_after_shutdown),
    error_of(use_a_closed_loop),
    caused_by(NO_DESCRIPTOR),
    caused_by(raised_while_handling(NO_DESCRIPTOR)),
    raised_while_handling(MemoryError()),
    group(ValueError(), NO_DESCRIPTOR),
    group(ValueError(), group(caused_by(NO_DESCRIPTOR))),
    group(ValueError(), asyncio.CancelledError()),
]

MESSAGES_OWN = [
    FileNotFoundError(errno.ENOENT, 'No such file or directory'),
    PermissionError(errno.EACCES, 'Permission denied'),
    ConnectionRefusedError(errno.ECONNREFUSED, 'Connection refused'),
    TimeoutError(),
    OSError('without a number'),
    ssl.SSLError(errno.EIO, 'a number of OpenSSL, and not of the operating system'),
    socket.gaierror(socket.EAI_NONAME, 'Name or service not known'),
    RuntimeError('no running event loop'),
    RuntimeError(24),
    RuntimeError(),
    caused_by(asyncio.CancelledError()),  # as in the TimeoutError of asyncio
    group(ValueError(), FileNotFoundError(errno.ENOENT, 'No such file')),
]


def described(error: BaseException) -> str:
    return f'{type(error).__module__} {error!r} {error.__cause__!r}'


@pytest.mark.parametrize('error', MACHINE, ids=described)
def test_a_failure_of_the_machine_leaves_the_message_without_an_attempt(
    error: BaseException,
) -> None:
    [outcome] = outcomes('hej', subscriber(error))
    assert outcome.status is RETRIABLE
    assert settle([outcome], LAST_RECEIVE, MESSAGE).action is SettlementAction.LEAVE


@pytest.mark.parametrize('error', MESSAGES_OWN, ids=described)
def test_any_other_exception_concerns_the_message(error: BaseException) -> None:
    assert statuses('hej', subscriber(error)) == [FATAL]
    assert not is_system_failure(error)


def test_a_body_that_the_machine_could_not_fetch_costs_no_attempt() -> None:
    error = OffloadError('payloads', 'a', 'no connection', True)
    assert settle_unfetchable(error, LAST_RECEIVE, MESSAGE).action is SettlementAction.DEAD_LETTER
    error.__cause__ = caused_by(NO_DESCRIPTOR)
    assert settle_unfetchable(error, LAST_RECEIVE, MESSAGE).action is SettlementAction.LEAVE


@pytest.mark.parametrize(
    'errors',
    [
        (TimeoutError(),),
        (TimeoutError(), TimeoutError()),
        (ValueError(), TimeoutError()),
        (ValueError(), group(KeyError('a'), RetriableError())),
    ],
    ids=str,
)
def test_one_retriable_exception_of_a_group_keeps_the_message(
    errors: tuple[Exception, ...],
) -> None:
    made = subscriber(group(*errors), retriable_exceptions=(TimeoutError,))
    assert statuses('hej', made) == [RETRIABLE]


def test_a_group_of_fatal_exceptions_is_fatal() -> None:
    assert statuses('hej', subscriber(group(ValueError(), KeyError('a')))) == [FATAL]


def test_the_delay_of_a_retriable_error_applies_within_a_group() -> None:
    error = group(ValueError(), RetriableError(), RetriableError(delay=7))
    assert Outcome(subscriber(), RETRIABLE, error).delay == 7


def test_an_exit_request_within_a_group_is_an_exit_request() -> None:
    exit_ = SystemExit(3)
    made = subscriber(group(ValueError(), exit_)), subscriber()
    [found] = outcomes('hej', *made)
    assert found.exit_request is exit_


def test_exceptions_that_caused_each_other_are_examined_once() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__context__ = second, first
    assert not is_system_failure(first)
