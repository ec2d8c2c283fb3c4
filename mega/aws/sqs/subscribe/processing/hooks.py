"""What may stand round each delivery and each subscriber: metrics, idempotency, logging."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.settlement import Settlement
from mega.aws.sqs.subscribe.safe_logging import log_of
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, safe_repr

__all__ = ('DeliveryResult', 'Hook', 'Hooks', 'log_outcomes', 'run_with_hooks')

_log = log_of(__name__)

Result = TypeVar('Result')

HookGenerator: TypeAlias = Generator[None, Result, Result | None]
"""Runs up to its only `yield`, which answers what came of what it stands round. Its `return`, where
there is one, replaces that; one that returns before the `yield` does so instead of it."""


@dataclass(slots=True)
class DeliveryResult:
    """What came of a delivery: of each subscriber, and so of the message.

    `duration` is in seconds, from the start of the first subscriber to the verdict.
    """

    outcomes: Sequence[Outcome]
    verdict: Settlement
    duration: float = 0.0


class Hook:
    """Stands round what a listener does. Subclass it, and override what is of interest.

    Each method is a generator that yields once. What is before the `yield` happens before, what is
    after it, after; the `yield` answers the result. A `return` of another result replaces it, and
    one before the `yield` does so without any processing:

        class Timing(Hook):
            def around_subscriber(self, subscriber, message, payload):
                outcome = yield
                metrics.timing(subscriber.__name__, outcome.duration)

    An instance serves all deliveries, in several threads at once, or in the event loop where all
    subscribers of a message are `async def`: there it must not block.
    A hook that raises counts as a subscriber that asks for a retry: the message stays. Before that
    its error is raised at the `yield` of those round it. An answer that nobody can follow counts as
    much, once all of them have ended: an outcome without a `ProcessStatus`, say.
    """

    def around_delivery(self, message: Message) -> HookGenerator[DeliveryResult]:
        """Stand round everything that is done with a message; not round its deletion."""
        yield
        return None

    def around_subscriber(
        self, subscriber: Subscriber, message: Message, payload: AnyPayload
    ) -> HookGenerator[Outcome]:
        """Stand round one subscriber."""
        yield
        return None


class Hooks:
    """Hooks, by what they stand round.

    Raises:
        ConfigurationError: for what is no hook.
    """

    def __init__(self, hooks: Iterable[object] = ()) -> None:
        found: list[Hook] = []
        for hook in hooks:
            if not isinstance(hook, Hook):
                problem = 'an instance of a subclass of Hook is wanted'
                raise ConfigurationError(f'{safe_repr(hook)} is no hook: {problem}')
            found.append(hook)
        self.of_deliveries = [
            hook for hook in found if type(hook).around_delivery is not Hook.around_delivery
        ]
        self.of_subscribers = [
            hook for hook in found if type(hook).around_subscriber is not Hook.around_subscriber
        ]


def run_with_hooks(
    hooks: Sequence[HookGenerator[Result]], work: Generator[Any, Any, Result]
) -> Generator[Any, Any, Result]:
    """Do work with hooks round it, the first one outermost.

    What a hook raises is raised at the `yield` of those round it, and out of here at last.
    """
    begun: list[HookGenerator[Result]] = []
    result: Result | None = None
    error: Exception | None = None
    try:
        for hook in hooks:
            if (result := _run_until_yield(hook)) is not None:
                work.close()
                break
            begun.append(hook)
        else:
            result = yield from work
    except Exception as raised:
        error = raised
    for hook in reversed(begun):
        try:
            if error is not None:
                hook.throw(error)
            else:
                assert result is not None
                hook.send(result)
            error = RuntimeError('a hook yields once')
        except StopIteration as end:
            if end.value is not None:
                result, error = end.value, None
        except Exception as raised:
            error = raised
    if error is not None:
        raise error
    assert result is not None
    return result


def _run_until_yield(hook: HookGenerator[Result]) -> Result | None:
    """Run a hook up to its `yield`; what it answers instead, if it ends before."""
    try:
        next(hook)
    except StopIteration as end:
        if end.value is None:
            raise RuntimeError('a hook that ends before its yield returns a result') from None
        instead: Result = end.value
        return instead
    return None


def log_outcomes(outcomes: Sequence[Outcome], message: Message) -> None:
    """Log what came of each subscriber: a failure with its traceback, the rest for debugging.

    Done where a hook round the delivery would do it, and without one: a hook costs as much as
    matching a hundred subscribers.
    """
    is_debugging = _log.logger.isEnabledFor(logging.DEBUG)
    for outcome in outcomes:
        error = outcome.error
        if error is None and not is_debugging:
            continue
        name, status = outcome.subscriber.__name__, outcome.status.value
        if error is None:
            _log.debug('%s: %s: message %s', name, status, message.id)
        elif outcome.status is ProcessStatus.FATAL_ERROR:
            _log.error('%s: %s: message %s', name, status, message.id, exc_info=error)
        else:
            _log.warning('%s: %s: message %s', name, status, message.id, exc_info=error)
