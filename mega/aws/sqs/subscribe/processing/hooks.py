"""Hooks: user code around each delivery and each subscriber (metrics, idempotency, logging)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.exceptions import traceback_without_text
from mega.aws.sqs.subscribe.processing.failures import EventLoopError, InvalidResultError
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.settlement import Settlement
from mega.aws.sqs.subscribe.processing.work import AwaitingWork, BlockingCall
from mega.aws.sqs.subscribe.safe_logging import get_logger
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, InvalidPayloadError, safe_repr

__all__ = (
    'DeliveryResult',
    'Hook',
    'HookGenerator',
    'Hooks',
    'log_outcomes',
    'run_with_hooks',
)

_log = get_logger(__name__)

Result = TypeVar('Result')

HookGenerator: TypeAlias = Generator[Any, Result, Result | None]
"""A generator with one `yield`, which returns the result. A returned value replaces the result.

It may also make calls that block, each with `yield from blocking(...)`.
"""


class DeliveryResult(Struct):
    """The result of one delivery: the outcomes of the subscribers, and the settlement.

    `duration` is in seconds, from the start of the first subscriber to the settlement.
    """

    outcomes: Sequence[Outcome]
    settlement: Settlement
    duration: float = 0.0


class Hook:
    """User code around deliveries and subscribers. Subclass it, and override a method.

    Each method is a generator that yields exactly once. The code before the `yield` runs before the
    processing, and the code after it runs after the processing. The `yield` returns the result.
    A `return` of another result replaces it. A `return` before the `yield` replaces the processing:

        class Timing(Hook):
            def around_subscriber(self, subscriber, message, payload):
                outcome = yield
                metrics.timing(subscriber.__name__, outcome.duration)

    - One instance serves all deliveries. Several threads call it at the same time.
    - If all subscribers of a message are `async def`, the event loop calls it. It must not block:
      `yield from blocking(function, argument)` calls a function that may block.
    - A hook that raises counts as a subscriber that asks for a retry: the message stays in the
      queue. The hooks around it receive the exception at their `yield`.
    - An invalid result, such as an outcome without a `ProcessStatus`, has the same effect, after
      all hooks ended.
    """

    def check(self) -> None:
        """Check that the hook can work. Each run of a listener begins with it, and may not begin.

        Raises:
            ConfigurationError: if the hook cannot work. It says why, and what to change.
        """

    def around_delivery(self, message: Message) -> HookGenerator[DeliveryResult]:
        """Run around the processing of a message, without its deletion."""
        yield
        return None

    def around_subscriber(
        self, subscriber: Subscriber, message: Message, payload: AnyPayload
    ) -> HookGenerator[Outcome]:
        """Run around one subscriber."""
        yield
        return None


class Hooks:
    """The hooks of a listener, by the method that each of them overrides.

    Raises:
        ConfigurationError: for an object that is not a `Hook`.
    """

    def __init__(self, hooks: Iterable[object] = ()) -> None:
        valid: list[Hook] = []
        for hook in hooks:
            if not isinstance(hook, Hook):
                problem = 'it must be an instance of a subclass of Hook'
                raise ConfigurationError(f'{safe_repr(hook)} is not a hook: {problem}')
            valid.append(hook)
        self._all = valid
        self.of_deliveries = [
            hook for hook in valid if type(hook).around_delivery is not Hook.around_delivery
        ]
        self.of_subscribers = [
            hook for hook in valid if type(hook).around_subscriber is not Hook.around_subscriber
        ]

    def check(self) -> None:
        """Check that all hooks can work.

        Raises:
            ConfigurationError: if a hook cannot work.
        """
        for hook in self._all:
            hook.check()


def run_with_hooks(
    hooks: Sequence[HookGenerator[Result]], work: AwaitingWork[Result]
) -> AwaitingWork[Result]:
    """Run work with hooks around it. The first hook is the outermost.

    An exception of a hook is raised at the `yield` of the hooks around it, and finally here.
    """
    begun: list[HookGenerator[Result]] = []
    result: Result | None = None
    error: BaseException | None = None
    try:
        for hook in hooks:
            if (result := (yield from _begin(hook))) is not None:
                work.close()
                break
            begun.append(hook)
        else:
            result = yield from work
    except GeneratorExit:  # the work is closed
        raise
    except BaseException as raised:
        error = raised
    for hook in reversed(begun):
        try:
            replacement = yield from _end(hook, result, error)
            if replacement is not None:
                result, error = replacement, None
        except GeneratorExit:
            raise
        except BaseException as raised:
            error = raised
    if error is not None:
        raise error
    assert result is not None
    return result


def _begin(hook: HookGenerator[Result]) -> AwaitingWork[Result | None]:
    """Run a hook up to its `yield`. If the hook returns before that, return its result."""
    has_ended, result = yield from _run_until_yield(hook, partial(next, hook))
    if has_ended and result is None:
        raise RuntimeError('a hook that returns before its yield must return a result')
    return result


def _end(
    hook: HookGenerator[Result], result: Result | None, error: BaseException | None
) -> AwaitingWork[Result | None]:
    """Run a hook from its `yield`, which returns a result or raises an error, to its end.

    Return the value that the hook returns.
    """
    if error is None:
        assert result is not None
        resume = partial(hook.send, result)
    else:
        resume = partial(hook.throw, error)
    has_ended, replacement = yield from _run_until_yield(hook, resume)
    if not has_ended:
        raise RuntimeError('a hook must yield exactly once')
    return replacement


def _run_until_yield(
    hook: HookGenerator[Result], resume: Callable[[], BlockingCall | None]
) -> AwaitingWork[tuple[bool, Result | None]]:
    """Run a hook, with its blocking calls, up to a `yield` of its own or to its end.

    Return whether it ended, and the value that it returned.
    """
    try:
        call = resume()
        while isinstance(call, BlockingCall):
            answer: Any
            answer, error = yield call
            call = hook.send(answer) if error is None else hook.throw(error)
    except StopIteration as end:
        return True, end.value
    return False, None


def log_outcomes(outcomes: Sequence[Outcome], message: Message) -> None:
    """Log the outcomes: a failure with the traceback of its exception, all others at DEBUG.

    This is a function and not a hook, because a hook costs as much time for each message as the
    matching of a hundred subscribers.
    """
    is_debugging = _log.logger.isEnabledFor(logging.DEBUG)
    for outcome in outcomes:
        error = outcome.error
        if error is None and not is_debugging:
            continue
        name, status = outcome.subscriber.__name__, outcome.status.value
        if error is None:
            _log.debug('%s: %s: message %s', name, status, message.id)
            continue
        is_fatal = outcome.status is ProcessStatus.FATAL_ERROR
        level = logging.ERROR if is_fatal else logging.WARNING
        _log.log(level, '%s: %s: message %s: %s', name, status, message.id, _describe(error))


def _describe(error: BaseException) -> str:
    # The texts of these errors quote nothing.
    if isinstance(error, (InvalidResultError, EventLoopError, InvalidPayloadError)):
        return str(error)
    return traceback_without_text(error)
