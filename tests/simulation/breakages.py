"""Bugs, put into the engine on purpose, and the law that each one breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from mega.aws.sqs.subscribe import verdict
from mega.aws.sqs.subscribe.engine import Engine, outbox
from mega.aws.sqs.subscribe.engine.actions import Action, Entry, Settling, Told
from mega.aws.sqs.subscribe.engine.delivery import Delivery, Phase
from mega.aws.sqs.subscribe.engine.hiding import Hiding
from mega.aws.sqs.subscribe.engine.lines import Lines
from mega.aws.sqs.subscribe.outcome import Outcome
from tests.simulation.laws import Law

__all__ = ('BREAKAGES', 'Breakage')


@dataclass(frozen=True, slots=True)
class Breakage:
    """A bug: what it is, how to have it, and which law does not hold then."""

    name: str
    put_in: Callable[[pytest.MonkeyPatch], None]
    law: Law


def _drop_acks_at_stop(patch: pytest.MonkeyPatch) -> None:
    stop = Engine.stop

    def broken(self: Engine, now: float) -> None:
        stop(self, now)
        while self._acks.waiting:
            for entry in self._acks.next(now).entries:
                self._hand.drop(entry.delivery)

    patch.setattr(Engine, 'stop', broken)


def _take_each_answer_for(told_instead: Callable[[Told, Delivery], Told]) -> Callable[..., None]:
    deleted = Engine._deleted

    def broken(self: Engine, entry: Entry, told: Told, call: Settling, now: float) -> None:
        deleted(self, entry, told_instead(told, entry.delivery), call, now)

    return broken


def _ignore_partial_failures(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Engine, '_deleted', _take_each_answer_for(lambda *_: Told.DONE))


def _retry_expired_handles(patch: pytest.MonkeyPatch) -> None:
    def instead(told: Told, delivery: Delivery) -> Told:
        if told is not Told.NEVER:
            return told
        delivery.tries = 0
        return Told.AGAIN

    patch.setattr(Engine, '_deleted', _take_each_answer_for(instead))


def _judge_by_the_first(patch: pytest.MonkeyPatch) -> None:
    judge = verdict.judge

    def broken(outcomes: Sequence[Outcome], policy: verdict.Policy) -> verdict.Verdict:
        return judge(outcomes[:1], policy)

    patch.setattr(verdict, 'judge', broken)


def _go_on_beating(patch: pytest.MonkeyPatch) -> None:
    was_left = Engine._was_left

    def broken(self: Engine, delivery: Delivery, told: Told, now: float) -> None:
        was_left(self, delivery, told, now)
        if told is Told.DONE and delivery.delay:
            delivery.phase = Phase.WORKING
            self._changes.extend(delivery, self._settings.visibility_timeout)

    patch.setattr(Engine, '_was_left', broken)


def _let_waiting_expire(patch: pytest.MonkeyPatch) -> None:
    keep = Hiding.keep

    def broken(self: Hiding, delivery: Delivery, now: float) -> float:
        is_waiting = delivery.phase is Phase.WAITING
        return delivery.hidden_until if is_waiting else keep(self, delivery, now)

    patch.setattr(Hiding, 'keep', broken)


def _receive_after_stop(patch: pytest.MonkeyPatch) -> None:
    following = Engine.next

    def broken(self: Engine, now: float) -> Action | None:
        return following(self, now) or self._polls.next(self.in_hand, now)

    patch.setattr(Engine, 'next', broken)


def _give_back_heads_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lines, 'is_held_back', lambda self, delivery: False)


def _keep_followers(patch: pytest.MonkeyPatch) -> None:
    def broken(self: Lines, delivery: Delivery) -> Iterator[Delivery]:
        return iter(())

    patch.setattr(Lines, 'behind', broken)


def _double_entry_ids(patch: pytest.MonkeyPatch) -> None:
    entries = outbox.entries

    def broken(changes: Iterable[tuple[Delivery, int]]) -> tuple[Entry, ...]:
        return tuple(entry._replace(id='0') for entry in entries(changes))

    patch.setattr(outbox, 'entries', broken)


BREAKAGES = (
    Breakage('buffered acks dropped at stop', _drop_acks_at_stop, Law.STOP_SETTLES),
    Breakage('partial delete failures ignored', _ignore_partial_failures, Law.TRIED_AGAIN),
    Breakage('ack though the second subscriber retries', _judge_by_the_first, Law.RETRIES_KEPT),
    Breakage('heartbeat after a retry delay was set', _go_on_beating, Law.SETTLED_ONCE),
    Breakage('waiting messages not extended', _let_waiting_expire, Law.KEPT_HIDDEN),
    Breakage('receive after stop', _receive_after_stop, Law.STOP_IS_A_STOP),
    Breakage('head given back before its followers', _give_back_heads_first, Law.FOLLOWERS_FIRST),
    Breakage('follower started while the head is retried', _keep_followers, Law.GROUPS_IN_ORDER),
    Breakage('batch with a doubled entry id', _double_entry_ids, Law.WELL_FORMED),
    Breakage('expired handle retried for ever', _retry_expired_handles, Law.SETTLED_ONCE),
)
