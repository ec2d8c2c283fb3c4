"""One message from its delivery to its verdict: open, match, dispatch, judge."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mega.aws.s3.store import S3PayloadStore
from mega.aws.sns.envelope import SubscriptionNotice
from mega.aws.sqs.message import HasLostFlag, Message, read_message
from mega.aws.sqs.opening import MissingBody, open_message
from mega.aws.sqs.subscribe.processing.dispatch import AwaitingWork, dispatch
from mega.aws.sqs.subscribe.processing.hooks import (
    DeliveryResult,
    Hook,
    Hooks,
    log_outcomes,
    run_with_hooks,
)
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.settlement import (
    Action,
    Policy,
    Reason,
    Settlement,
    StatsField,
    retry,
    settle,
    settle_undecodable,
    settle_unfetchable,
)
from mega.aws.sqs.subscribe.runtime.s3_prefetch import PendingBody
from mega.aws.sqs.subscribe.runtime.stack_traces import WorkerRef
from mega.aws.sqs.subscribe.safe_logging import log_of
from mega.aws.sqs.subscribe.subscribers.routing import Router
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber
from mega.codec import AnyPayload
from mega.errors import ConsumeError, EventError, OffloadError, safe_repr
from mega.event import Payload

__all__ = ('OpenedMessage', 'Processor')

_log = log_of(__name__)

MAX_KINDS = 1_000
"""How many kinds of unmatched messages are told apart: their names come from outside."""


@dataclass(slots=True)
class OpenedMessage:
    """A message that was opened, or could not be, and who wants it.

    `received` is what it was opened from. `verdict` is known already where nobody is to be asked.
    `failed` are those who cannot tell whether they want it. `worker` is who processes it.
    """

    received: dict[str, Any]
    message: Message
    payload: AnyPayload = ''
    wanting: Sequence[Subscriber] = ()
    failed: Sequence[Outcome] = ()
    verdict: Settlement | None = None
    worker: WorkerRef | None = None


class Processor:
    """Takes messages to their verdicts. Safe to share among threads, as subscribers have to be."""

    def __init__(
        self,
        subscribers: Router,
        policy: Policy,
        hooks: Hooks,
        store: S3PayloadStore | None = None,
    ) -> None:
        self._subscribers = subscribers
        self._policy = policy
        self._unhandled = policy.status_of_unhandled
        self._hooks = hooks
        self._store = store
        self._unmatched_kinds: set[str] = set()

    def open(
        self, content: dict[str, Any] | PendingBody, holding: HasLostFlag | None = None
    ) -> OpenedMessage:
        """Open a message, once what lies in S3 of it has come, and find out who wants it.

        `holding` knows whether it is lost.
        """
        received = content.received if isinstance(content, PendingBody) else content
        message = read_message(received, holding)
        try:
            if isinstance(content, PendingBody):
                message, payload = content.opening.result()
            else:
                message, payload = open_message(message, self._store)
        except (ConsumeError, EventError) as error:
            _log.error('message %s cannot be opened: %s', message.id, error)
            return OpenedMessage(
                received, message, verdict=settle_undecodable(error, self._policy, message)
            )
        except OffloadError as error:
            _log.error('message %s stays, since its body cannot be fetched: %s', message.id, error)
            return OpenedMessage(
                received, message, verdict=settle_unfetchable(error, self._policy, message)
            )
        except MemoryError as error:
            _log.error('message %s stays, since no memory is left to open it', message.id)
            return OpenedMessage(
                received, message, verdict=settle_unfetchable(error, self._policy, message)
            )
        if isinstance(payload, (SubscriptionNotice, MissingBody)):
            return OpenedMessage(
                received, message, verdict=_settle_without_payload(message, payload)
            )
        wanting, undecided = self._subscribers.match(payload)
        if not wanting and not undecided:
            self._warn_unmatched_once(message, payload)
        if not undecided:
            return OpenedMessage(received, message, payload, wanting)
        # Nobody can say that they did not match.
        failed = [
            Outcome(subscriber, ProcessStatus.RETRIABLE_ERROR, error)
            for subscriber, error in undecided
        ]
        return OpenedMessage(received, message, payload, wanting, failed)

    def process(self, opened: OpenedMessage) -> AwaitingWork[DeliveryResult]:
        """Have a message processed by all who want it, and answer what came of it."""
        work = self._process(opened)
        hooks = self._hooks.of_deliveries
        return self._within(hooks, opened.message, work) if hooks else work

    def _process(self, opened: OpenedMessage) -> AwaitingWork[DeliveryResult]:
        if opened.verdict is not None:
            return DeliveryResult((), opened.verdict)
        began = time.perf_counter()
        outcomes = yield from dispatch(
            opened.message,
            opened.payload,
            opened.wanting,
            self._unhandled,
            self._hooks.of_subscribers,
        )
        if opened.failed:
            outcomes = [*opened.failed, *outcomes]
        log_outcomes(outcomes, opened.message)
        duration = time.perf_counter() - began
        return DeliveryResult(outcomes, settle(outcomes, self._policy, opened.message), duration)

    def _within(
        self, hooks: Sequence[Hook], message: Message, work: AwaitingWork[DeliveryResult]
    ) -> AwaitingWork[DeliveryResult]:
        rounds = [hook.around_delivery(message) for hook in hooks]
        try:
            delivered = yield from run_with_hooks(rounds, work)
            self._check(delivered)
        except Exception as error:
            _log.exception('message %s is not settled: a hook failed', message.id)
            reason = Reason(type(error).__name__, 'raised by a hook')
            return DeliveryResult((), retry(reason, self._policy, message))
        return delivered

    def _check(self, delivered: object) -> None:
        """Whether what hooks made of a delivery can be followed.

        Raises:
            TypeError, ValueError: if not.
        """
        if not isinstance(delivered, DeliveryResult) or not isinstance(
            delivered.verdict, Settlement
        ):
            raise TypeError(f'a hook answered {safe_repr(delivered)}: a Delivered with a Verdict')
        is_to_be_sent = delivered.verdict.action is Action.DEAD_LETTER
        if is_to_be_sent and not self._policy.has_dead_letter_queue:
            raise ValueError('a hook dead-letters, and there is no dead_letter_queue_url')

    def _warn_unmatched_once(self, message: Message, payload: AnyPayload) -> None:
        kind = _describe(payload)
        if kind in self._unmatched_kinds:
            return
        if len(self._unmatched_kinds) < MAX_KINDS:
            self._unmatched_kinds.add(kind)
            _log.warning(
                'no subscriber matches %s, such as message %s: listener.explain(payload) says why',
                kind,
                message.id,
            )


def _describe(payload: AnyPayload) -> str:
    """What a payload is, so far as somebody who wonders why nobody wants it has to know."""
    if isinstance(payload, Payload):
        event = payload.event
        return f'the event {safe_repr(event.name)} of the domain {safe_repr(event.domain)}'
    if isinstance(payload, dict):
        return f'a data object with the keys {safe_repr(sorted(payload))}'
    return 'a text' if isinstance(payload, str) else 'a blob'


def _settle_without_payload(
    message: Message, found: SubscriptionNotice | MissingBody
) -> Settlement:
    """What a message comes to that has no payload."""
    if isinstance(found, MissingBody):
        _log.warning('message %s is deleted, since its body is gone from S3', message.id)
        return Settlement(Action.ACK, StatsField.UNOPENED)
    _log.warning(
        'message %s is a %s of %s: it is deleted, and no link in it is followed; subscribe the '
        'queue with the SNS API, which needs no confirmation',
        message.id,
        found.kind,
        safe_repr(found.topic_arn),
    )
    return Settlement(Action.ACK, StatsField.UNMATCHED)
