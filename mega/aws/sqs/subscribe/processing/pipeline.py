"""One message from its receive to its settlement: open, match, dispatch, settle.

    processor = Processor(router, policy, hooks)
    opened = processor.open(received)          # which subscribers match?
    work = processor.process(opened)           # yields awaitables, if there are any
    result = finish(work, asyncio_run)         # a DeliveryResult with the settlement

The two steps are separate because their caller decides between them: whether the visibility timeout
still allows to process the message, and whether a thread or an event loop does it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from mega.aws._hooks.running import run_with_hooks
from mega.aws._hooks.work import AwaitingWork
from mega.aws.sns.envelope import SubscriptionNotice
from mega.aws.sqs.message import Message, Visibility
from mega.aws.sqs.opening import MessageOpener, MissingBody, open_message
from mega.aws.sqs.subscribe.exceptions import describe_unexpected, traceback_without_text
from mega.aws.sqs.subscribe.processing.dispatch import dispatch
from mega.aws.sqs.subscribe.processing.failures import is_system_failure
from mega.aws.sqs.subscribe.processing.hooks import (
    DeliveryResult,
    Hook,
    Hooks,
)
from mega.aws.sqs.subscribe.processing.opening import open_received
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.outcome_log import log_outcomes
from mega.aws.sqs.subscribe.processing.settlement import (
    Settlement,
    SettlementAction,
    SettlementPolicy,
    StatsField,
    Unmatched,
    action_on_unmatched,
    settle,
    settle_retry,
    settle_undecodable,
    settle_unfetchable,
)
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber
from mega.codec import AnyPayload, StreamedPayload
from mega.errors import ConfigurationError, OffloadError, TransportError, safe_repr
from mega.event import Payload
from mega.logging import about, get_logger

__all__ = ('OpenedMessage', 'Processor')

_log = get_logger(__name__)

MAX_DESCRIPTIONS = 1_000
"""The maximum number of warnings that are remembered. Their descriptions contain event names and
other text from outside, so that their number must be limited."""

_UNMATCHED_TEXTS: dict[Unmatched, str] = {
    'delete': 'is deleted',
    'leave': 'stays in the queue',
    'dead-letter': 'is dead-lettered',
}


class OpenedMessage(Struct):
    """A message after `Processor.open`.

    - `subscribers` has the subscribers that match the payload.
    - `pattern_failures` has an outcome for each subscriber whose pattern raised an exception.
    - `settlement` is set if the message has no payload for a subscriber.
    """

    message: Message
    payload: AnyPayload = ''
    subscribers: Sequence[Subscriber] = ()
    pattern_failures: Sequence[Outcome] = ()
    settlement: Settlement | None = None


class Processor:
    """Processes messages. Safe to share among threads, if the subscribers and hooks are."""

    def __init__(self, router: Router, policy: SettlementPolicy, hooks: Hooks) -> None:
        self._router = router
        self._policy = policy
        self._unhandled = policy.status_of_unhandled
        self._hooks = hooks
        self._warned: set[str] = set()

    def check_hooks(self) -> None:
        """Check that all hooks can work.

        Raises:
            ConfigurationError: if a hook cannot work.
        """
        self._hooks.check()

    def open(
        self,
        received: dict[str, Any],
        open_body: MessageOpener = open_message,
        visibility: Visibility | None = None,
        queue_name: str | None = None,
    ) -> OpenedMessage:
        """Open a message as ReceiveMessage returned it, and find the subscribers that match it.

        `visibility` and `queue_name` are those of `read_message`. The log records of this context
        are then about the message: the caller runs both steps in a context of their own.
        """
        message, content = open_received(received, open_body, visibility, queue_name)
        if isinstance(content, Exception):
            return OpenedMessage(message, settlement=self._settle_unopened(message, content))
        if isinstance(content, (SubscriptionNotice, MissingBody)):
            return OpenedMessage(message, settlement=_settle_without_payload(message, content))
        try:
            if message.unreadable:
                self._warn_unreadable_once(message)
            return self._match(message, content)
        except Exception as error:
            problem = 'while the patterns of the subscribers were matched'
            return OpenedMessage(message, settlement=self._settle_failure(message, error, problem))

    def _settle_unopened(self, message: Message, error: Exception) -> Settlement:
        """Return the settlement of a message that raised an exception while it was opened.

        A failure of S3, of the download of a certificate or of the machine says nothing about the
        message, and neither does a missing package. Every other exception is a fault of the
        message.
        """
        if isinstance(error, OffloadError):
            problem = 'message %s: its body cannot be fetched: %s'
            extra = about(error='OffloadError')
            _log.error(problem, message.id, error, code='body-not-fetched', extra=extra)
            return settle_unfetchable(error, self._policy, message)
        if isinstance(error, TransportError):
            problem = 'message %s stays in the queue, unverified: %s'
            extra = about(error=error.code)
            _log.error(problem, message.id, error, code='signature-unverified', extra=extra)
            return settle_unfetchable(error, self._policy, message)
        if isinstance(error, ConfigurationError):
            problem = 'message %s stays in the queue: %s'
            extra = about(error='ConfigurationError')
            _log.error(problem, message.id, error, code='setup-incomplete', extra=extra)
            return settle_unfetchable(error, self._policy, message)
        if is_system_failure(error):
            name = type(error).__name__
            problem = 'message %s stays in the queue: %s while it was opened'
            _log.error(problem, message.id, name, code='out-of-resources', extra=about(error=name))
            return settle_unfetchable(error, self._policy, message)
        extra = about(error=type(error).__name__)
        problem = 'message %s cannot be opened: %s'
        _log.error(problem, message.id, error, code='cannot-be-opened', extra=extra)
        return settle_undecodable(error, self._policy, message)

    def _settle_failure(self, message: Message, error: Exception, problem: str) -> Settlement:
        """Return the settlement of a message whose processing raised an unexpected exception."""
        description, name = describe_unexpected(error, problem), type(error).__name__
        text, extra = 'message %s is retried: %s', about(error=name)
        _log.error(text, message.id, description, code='unexpected-error', extra=extra)
        reason, is_attempt = Reason(name, description), not is_system_failure(error)
        return settle_retry(reason, self._policy, message, is_attempt=is_attempt)

    def _match(self, message: Message, payload: AnyPayload) -> OpenedMessage:
        subscribers, undecided = self._router.match(payload, message)
        if not undecided:
            if not subscribers:
                self._warn_unmatched_once(message, payload)
            return OpenedMessage(message, payload, subscribers)
        # The pattern of these subscribers raised. The message stays, because it may match.
        pattern_failures = [
            Outcome(subscriber, ProcessStatus.RETRIABLE_ERROR, error)
            for subscriber, error in undecided
        ]
        return OpenedMessage(message, payload, subscribers, pattern_failures)

    def process(self, opened: OpenedMessage) -> AwaitingWork[DeliveryResult]:
        """Process a message with all matching subscribers, and return the result."""
        work = self._process(opened)
        hooks = self._hooks.of_deliveries
        return self._process_with_hooks(hooks, opened.message, work) if hooks else work

    def _process(self, opened: OpenedMessage) -> AwaitingWork[DeliveryResult]:
        if opened.settlement is not None:
            return DeliveryResult((), opened.settlement)
        began, message = time.perf_counter(), opened.message
        outcomes: Sequence[Outcome] = ()
        try:
            outcomes = yield from dispatch(
                message,
                opened.payload,
                opened.subscribers,
                self._unhandled,
                self._hooks.of_subscribers,
            )
            if opened.pattern_failures:
                outcomes = [*opened.pattern_failures, *outcomes]
            log_outcomes(outcomes, message)
            settlement = settle(outcomes, self._policy, message)
        except Exception as error:
            settlement = self._settle_failure(message, error, 'while it was processed')
        return DeliveryResult(outcomes, settlement, time.perf_counter() - began)

    def _process_with_hooks(
        self, hooks: Sequence[Hook], message: Message, work: AwaitingWork[DeliveryResult]
    ) -> AwaitingWork[DeliveryResult]:
        try:
            generators = [hook.around_delivery(message) for hook in hooks]
            result = yield from run_with_hooks(generators, work)
            self._check(result)
        except (GeneratorExit, SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            problem = 'a hook failed for message %s: the message is retried: %s'
            name = type(error).__name__
            description = traceback_without_text(error)
            _log.error(
                problem, message.id, description, code='hook-failed', extra=about(error=name)
            )
            reason = Reason(name, 'raised by a hook')
            is_attempt = not is_system_failure(error)
            settlement = settle_retry(reason, self._policy, message, is_attempt=is_attempt)
            return DeliveryResult((), settlement)
        return result

    def _check(self, result: object) -> None:
        """Check the result that a hook returned.

        Raises:
            TypeError, ValueError: for an invalid result.
        """
        if not isinstance(result, DeliveryResult) or not isinstance(result.settlement, Settlement):
            problem = 'it must return a DeliveryResult with a Settlement'
            raise TypeError(f'a hook returned {safe_repr(result)}: {problem}')
        is_dead_lettered = result.settlement.action is SettlementAction.DEAD_LETTER
        if is_dead_lettered and not self._policy.has_dead_letter_queue:
            raise ValueError('a hook dead-letters a message, but there is no dead_letter_queue_url')

    def _warn_unmatched_once(self, message: Message, payload: AnyPayload) -> None:
        problem = (
            'no subscriber matches %s, such as message %s, which %s: '
            'explain(payload) and `mega explain TARGET` say why'
        )
        description = _describe(payload)
        if isinstance(payload, Payload) and (outdated := self._router.outdated(payload.event)):
            names = ', '.join(subscriber.__name__ for subscriber in outdated)
            description += f' in version {payload.event.version}, newer than the class of {names}'
        level = logging.WARNING if self._policy.unmatched is None else logging.DEBUG
        if self._is_new(description):
            action = _UNMATCHED_TEXTS[action_on_unmatched(self._policy)]
            arguments = (description, message.id, action)
            _log.log(level, problem, *arguments, code='unmatched', extra=about())

    def _warn_unreadable_once(self, message: Message) -> None:
        problem = (
            'parts of an SNS envelope are not readable: %s, such as in message %s: '
            'message.unreadable has them'
        )
        attributes = message.unreadable.get('MessageAttributes')
        names = {*message.unreadable, *(attributes if isinstance(attributes, dict) else ())}
        description = safe_repr(sorted(names))
        if self._is_new(description):
            _log.warning(
                problem, description, message.id, code='unreadable-envelope', extra=about()
            )

    def _is_new(self, description: str) -> bool:
        """Return whether no problem with the same description is in the log."""
        if description in self._warned or len(self._warned) >= MAX_DESCRIPTIONS:
            return False
        self._warned.add(description)
        return True


def _describe(payload: AnyPayload) -> str:
    """Return a description of a payload, for a warning that no subscriber matches it."""
    if isinstance(payload, Payload):
        event = payload.event
        return f'the event {safe_repr(event.name)} of the domain {safe_repr(event.domain)}'
    if isinstance(payload, dict):
        return f'a data object with the keys {safe_repr(sorted(payload))}'
    if isinstance(payload, StreamedPayload):
        return 'a stream'
    return 'a text' if isinstance(payload, str) else 'a blob'


def _settle_without_payload(
    message: Message, content: SubscriptionNotice | MissingBody
) -> Settlement:
    """Return the settlement of a message without a payload: it is deleted."""
    if isinstance(content, MissingBody):
        problem = 'message %s is deleted: its body is not in S3 any more'
        _log.warning(problem, message.id, code='body-missing', extra=about())
        return Settlement(SettlementAction.ACK, StatsField.UNOPENED)
    _log.warning(
        'message %s is a %s of the topic %s. It is deleted, and no link in it is followed. '
        'Subscribe the queue with the SNS API, which needs no confirmation',
        message.id,
        content.kind,
        safe_repr(content.topic_arn),
        code='subscription-notice',
        extra=about(),
    )
    return Settlement(SettlementAction.ACK, StatsField.UNMATCHED)
