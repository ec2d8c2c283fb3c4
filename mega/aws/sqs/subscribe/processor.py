"""One message from its delivery to its end: open, dispatch, judge, settle."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from typing import Any

from mega.aws.sns.envelope import Confirmation
from mega.aws.sqs.message import Message, open_message, read_message
from mega.aws.sqs.subscribe.dispatch import Await, Outcome, dispatch
from mega.aws.sqs.subscribe.registry import Registry
from mega.aws.sqs.subscribe.settle import Settler
from mega.aws.sqs.subscribe.stats import Tally
from mega.aws.sqs.subscribe.verdict import Action, Count, Policy, Verdict, judge, unopened
from mega.codec import AnyPayload
from mega.errors import ConsumeError, EventError, shorten
from mega.event import Payload

__all__ = ('Processor',)

_log = logging.getLogger(__name__)

MAX_HIDDEN = 43_200 - 10
"""Seconds after its receive for which a message can be hidden: SQS's twelve hours, in one or many
changes, less what its clock may be ahead of ours. API reference of ChangeMessageVisibility."""

MAX_KINDS = 1_000
"""How many kinds of unmatched messages are told apart: their names come from outside."""


class Processor:
    """Takes the messages of one queue to their end, one at a time, in the calling thread."""

    def __init__(
        self,
        subscribers: Registry,
        policy: Policy,
        settler: Settler,
        tally: Tally,
        await_: Await,
    ) -> None:
        self._subscribers = subscribers
        self._policy = policy
        self._settler = settler
        self._tally = tally
        self._await = await_
        self._unmatched_kinds: set[str] = set()

    def process(self, received: dict[str, Any], received_at: float) -> bool:
        """Take a message to its end, and answer whether it is gone from the queue.

        `received_at` is by the clock of `time.monotonic()`.

        Raises:
            SystemExit, KeyboardInterrupt: when a subscriber did, after the message was settled.
        """
        message = read_message(received)
        try:
            message, payload = open_message(message)
        except (ConsumeError, EventError) as error:
            _log.error('message %s cannot be opened: %s', message.id, error)
            return self._settle(received, received_at, message, unopened(error, self._policy))
        if isinstance(payload, Confirmation):
            return self._settle(received, received_at, message, _regret(message, payload))
        outcomes = dispatch(
            message, payload, self._subscribers, self._await, self._policy.status_of_unhandled
        )
        if not outcomes:
            self._tell_once(message, payload)
        is_gone = self._settle(received, received_at, message, judge(outcomes, self._policy))
        _raise_exit(outcomes)
        return is_gone

    def _settle(
        self, received: dict[str, Any], received_at: float, message: Message, verdict: Verdict
    ) -> bool:
        self._tally.add(verdict.count.value)
        if verdict.action is Action.LEAVE:
            if verdict.delay is not None:
                left = MAX_HIDDEN - math.ceil(time.monotonic() - received_at)
                self._settler.hide(message, max(0, min(verdict.delay, left)))
            return False
        if verdict.action is Action.DEAD_LETTER:
            assert verdict.reason
            if not self._settler.dead_letter(received, message, verdict.reason):
                return False
            self._tally.add('dead_lettered')
        is_deleted = self._settler.ack(message)
        if is_deleted:
            self._tally.add('deleted')
        return is_deleted

    def _tell_once(self, message: Message, payload: AnyPayload) -> None:
        kind = _kind(payload)
        if kind in self._unmatched_kinds:
            return
        if len(self._unmatched_kinds) < MAX_KINDS:
            self._unmatched_kinds.add(kind)
            _log.warning(
                'no subscriber matches %s, such as message %s: listener.explain(payload) says why',
                kind,
                message.id,
            )


def _kind(payload: AnyPayload) -> str:
    """What a payload is, so far as somebody who wonders why nobody wants it has to know."""
    if isinstance(payload, Payload):
        event = payload.event
        return f'the event {shorten(event.name)} of the domain {shorten(event.domain)}'
    if isinstance(payload, dict):
        return f'a data object with the keys {shorten(sorted(payload))}'
    return 'a text' if isinstance(payload, str) else 'a blob'


def _regret(message: Message, confirmation: Confirmation) -> Verdict:
    _log.warning(
        'message %s is a %s of %s: it is deleted, and no link in it is followed; subscribe the '
        'queue with the SNS API, which needs no confirmation',
        message.id,
        confirmation.kind,
        shorten(confirmation.topic_arn),
    )
    return Verdict(Action.ACK, Count.UNMATCHED)


def _raise_exit(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.is_exit and outcome.error is not None:
            raise outcome.error
