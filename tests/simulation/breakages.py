"""Deliberate bugs of the engine, and the law that each of them violates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from msgspec import structs

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.engine import Engine, batches
from mega.aws.sqs.subscribe.engine.assignment import WorkAssigner
from mega.aws.sqs.subscribe.engine.commands import (
    BatchCommand,
    Command,
    DeadLetter,
    Entry,
    EntryResult,
    Process,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery, Phase
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues
from mega.aws.sqs.subscribe.engine.visibility import MAX_VISIBILITY, VisibilityExtender
from mega.aws.sqs.subscribe.processing import settlement
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.subscribers.retry_delay import Backoff
from tests.simulation.laws import Law

__all__ = ('BREAKAGES', 'Breakage')


@dataclass(frozen=True, slots=True)
class Breakage:
    """A bug: its name, the function that installs it, and the law that it violates."""

    name: str
    put_in: Callable[[pytest.MonkeyPatch], None]
    law: Law


def _drop_acks_at_stop(patch: pytest.MonkeyPatch) -> None:
    stop = Engine.stop

    def broken(self: Engine, now: float) -> None:
        stop(self, now)
        while self._deletes.waiting:
            for entry in self._deletes.next(now).entries:
                self._in_flight.forget(entry.delivery)

    patch.setattr(Engine, 'stop', broken)


def _take_each_answer_for(
    told_instead: Callable[[EntryResult, Delivery], EntryResult],
) -> Callable[..., None]:
    deleted = Engine._deleted

    def broken(
        self: Engine, entry: Entry, told: EntryResult, call: BatchCommand, now: float
    ) -> None:
        deleted(self, entry, told_instead(told, entry.delivery), call, now)

    return broken


def _ignore_partial_failures(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Engine, '_deleted', _take_each_answer_for(lambda *_: EntryResult.OK))


def _retry_expired_handles(patch: pytest.MonkeyPatch) -> None:
    def instead(told: EntryResult, delivery: Delivery) -> EntryResult:
        if told is not EntryResult.FAILED:
            return told
        delivery.tries = 0
        return EntryResult.RETRY

    patch.setattr(Engine, '_deleted', _take_each_answer_for(instead))


def _judge_by_the_first(patch: pytest.MonkeyPatch) -> None:
    settle = settlement.settle

    def broken(
        outcomes: Sequence[Outcome], policy: settlement.Policy, message: Message
    ) -> settlement.Settlement:
        return settle(outcomes[:1], policy, message)

    patch.setattr(settlement, 'settle', broken)


def _go_on_beating(patch: pytest.MonkeyPatch) -> None:
    left = Engine._left

    def broken(self: Engine, delivery: Delivery, told: EntryResult, now: float) -> None:
        left(self, delivery, told, now)
        if told is EntryResult.OK and delivery.delay:
            delivery.phase = Phase.WORKING
            self._visibility.add_extension(delivery, self._settings.visibility_timeout)

    patch.setattr(Engine, '_left', broken)


def _let_waiting_expire(patch: pytest.MonkeyPatch) -> None:
    extend_if_due = VisibilityExtender.extend_if_due

    def broken(self: VisibilityExtender, delivery: Delivery, now: float) -> float:
        is_waiting = delivery.phase is Phase.WAITING
        return delivery.hidden_until if is_waiting else extend_if_due(self, delivery, now)

    patch.setattr(VisibilityExtender, 'extend_if_due', broken)


def _receive_after_stop(patch: pytest.MonkeyPatch) -> None:
    following = Engine.next

    def broken(self: Engine, now: float) -> Command | None:
        return following(self, now) or self._polls.next(self.in_flight, now)

    patch.setattr(Engine, 'next', broken)


def _give_back_heads_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(GroupQueues, 'must_wait', lambda self, delivery: False)


def _keep_followers(patch: pytest.MonkeyPatch) -> None:
    def broken(self: GroupQueues, delivery: Delivery) -> Iterator[Delivery]:
        return iter(())

    patch.setattr(GroupQueues, 'followers', broken)


def _double_entry_ids(patch: pytest.MonkeyPatch) -> None:
    entries = batches.entries

    def broken(changes: Iterable[tuple[Delivery, int]]) -> tuple[Entry, ...]:
        return tuple(replace(entry, id='0') for entry in entries(changes))

    patch.setattr(batches, 'entries', broken)


def _tell_of_dead_letters(
    instead: dict[EntryResult, EntryResult],
) -> Callable[[pytest.MonkeyPatch], None]:
    dead_lettered = Engine.dead_lettered

    def broken(self: Engine, command: DeadLetter, told: EntryResult, now: float) -> None:
        dead_lettered(self, command, instead.get(told, told), now)

    return lambda patch: patch.setattr(Engine, 'dead_lettered', broken)


def _free_a_place_twice(patch: pytest.MonkeyPatch) -> None:
    dead_lettered = Engine.dead_lettered

    def broken(self: Engine, command: DeadLetter, told: EntryResult, now: float) -> None:
        dead_lettered(self, command, told, now)
        self._assigner.free_workers += 1

    patch.setattr(Engine, 'dead_lettered', broken)


def _let_dead_letters_expire(patch: pytest.MonkeyPatch) -> None:
    extend_if_due = VisibilityExtender.extend_if_due

    def broken(self: VisibilityExtender, delivery: Delivery, now: float) -> float:
        is_failed = delivery.phase is Phase.DEAD_LETTERING
        return batches.FOREVER if is_failed else extend_if_due(self, delivery, now)

    patch.setattr(VisibilityExtender, 'extend_if_due', broken)


def _go_on_before_deleted(patch: pytest.MonkeyPatch) -> None:
    delete = Engine._delete

    def broken(self: Engine, delivery: Delivery, now: float) -> None:
        delete(self, delivery, now)
        self._groups.remove(delivery)

    patch.setattr(Engine, '_delete', broken)


def _settle_what_is_lost(patch: pytest.MonkeyPatch) -> None:
    end_work = Engine._end_work

    def broken(self: Engine, delivery: Delivery, now: float) -> bool:
        delivery.is_lost = False
        return end_work(self, delivery, now)

    patch.setattr(Engine, '_end_work', broken)


def _keep_a_loss_secret(patch: pytest.MonkeyPatch) -> None:
    changed = Engine._visibility_changed

    def broken(
        self: Engine, entry: Entry, told: EntryResult, call: BatchCommand, now: float
    ) -> None:
        changed(self, entry, told, call, now)
        entry.delivery.is_lost = False

    patch.setattr(Engine, '_visibility_changed', broken)


def _hide_for_ever(patch: pytest.MonkeyPatch) -> None:
    limit = VisibilityExtender._limit

    def broken(self: VisibilityExtender, delivery: Delivery) -> float:
        is_limited = delivery.phase is Phase.WORKING and self._max_processing_time is not None
        return delivery.received_at + MAX_VISIBILITY if is_limited else limit(self, delivery)

    patch.setattr(VisibilityExtender, '_limit', broken)


def _beat_once(patch: pytest.MonkeyPatch) -> None:
    extend_if_due = VisibilityExtender.extend_if_due

    def broken(self: VisibilityExtender, delivery: Delivery, now: float) -> float:
        had_one = delivery.hidden_until > delivery.received_at + self._timeout
        is_working = delivery.phase is Phase.WORKING
        return batches.FOREVER if had_one and is_working else extend_if_due(self, delivery, now)

    patch.setattr(VisibilityExtender, 'extend_if_due', broken)


def _wait_for_the_shortest(patch: pytest.MonkeyPatch) -> None:
    longest = settlement._longest

    def broken(delays: Iterable[float | None]) -> int | None:
        known = [delay for delay in delays if delay is not None]
        return longest([min(known)] if known else [])

    patch.setattr(settlement, '_longest', broken)


def _wait_without_end(patch: pytest.MonkeyPatch) -> None:
    def broken(self: Backoff, receive_count: int) -> float:
        return self.first * self.factor ** (receive_count + 1)

    patch.setattr(Backoff, 'up_to', broken)


def _give_up(change: Callable[[Message], Message]) -> Callable[[pytest.MonkeyPatch], None]:
    retry = settlement.retry

    def broken(
        reason: Reason,
        policy: settlement.Policy,
        message: Message,
        delays: Iterable[float | None] | None = None,
    ) -> settlement.Settlement:
        return retry(reason, policy, change(message), delays)

    return lambda patch: patch.setattr(settlement, 'retry', broken)


def _give_up_what_is_done(patch: pytest.MonkeyPatch) -> None:
    settle = settlement.settle

    def broken(
        outcomes: Sequence[Outcome], policy: settlement.Policy, message: Message
    ) -> settlement.Settlement:
        if policy.max_receives is not None and message.receive_count > policy.max_receives:
            reason = Reason('Broken', 'whatever came of it')
            return settlement.Settlement(
                settlement.SettlementAction.DEAD_LETTER, settlement.StatsField.EXHAUSTED, reason
            )
        return settle(outcomes, policy, message)

    patch.setattr(settlement, 'settle', broken)


def _begin_without_check(patch: pytest.MonkeyPatch) -> None:
    def broken(self: Engine, delivery: Delivery, now: float) -> bool:
        delivery.begun_at = now
        return True

    patch.setattr(Engine, 'begin', broken)


def _forget_begin(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Engine, 'begin', lambda self, *begin: self._assigner.can_begin(*begin))


def _keep_shares_at_stop(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WorkAssigner, 'take_back_all', lambda self: None)


def _set_no_deadline(patch: pytest.MonkeyPatch) -> None:
    share = WorkAssigner.next

    def broken(self: WorkAssigner, now: float) -> Process | None:
        process = share(self, now)
        self.deadline = batches.FOREVER
        return process

    patch.setattr(WorkAssigner, 'next', broken)
    patch.setattr(WorkAssigner, 'run_timers', lambda self, now: None)


def _keep_shares_of_busy_workers(patch: pytest.MonkeyPatch) -> None:
    take_back = WorkAssigner._take_back

    def broken(self: WorkAssigner, process: Process, *, leave_first: bool = True) -> None:
        if not leave_first:
            take_back(self, process, leave_first=False)

    patch.setattr(WorkAssigner, '_take_back', broken)


def _share_a_message_twice(patch: pytest.MonkeyPatch) -> None:
    def broken(self: WorkAssigner, process: Process, *, leave_first: bool = True) -> None:
        for delivery in process.deliveries:
            delivery.phase = Phase.WAITING
            self._groups.ready.append(delivery)

    patch.setattr(WorkAssigner, '_take_back', broken)


def _free_a_worker_for_a_coroutine(patch: pytest.MonkeyPatch) -> None:
    hand_over = Engine.worker_handed_over

    def broken(self: Engine, process: Process) -> None:
        hand_over(self, process)
        self._assigner.free_workers += 1

    patch.setattr(Engine, 'worker_handed_over', broken)


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
    Breakage(
        'dead letter that failed taken for sent',
        _tell_of_dead_letters({EntryResult.RETRY: EntryResult.OK}),
        Law.WORK_FIRST,
    ),
    Breakage(
        'dead letter sent once only',
        _tell_of_dead_letters({EntryResult.RETRY: EntryResult.FAILED}),
        Law.TRIED_AGAIN,
    ),
    Breakage('dead letter not kept hidden', _let_dead_letters_expire, Law.KEPT_HIDDEN),
    Breakage('place of a dead letter freed twice', _free_a_place_twice, Law.CONCURRENCY),
    Breakage('follower started before the delete', _go_on_before_deleted, Law.GROUPS_IN_ORDER),
    Breakage('ack of what others may have', _settle_what_is_lost, Law.SETTLED_ONCE),
    Breakage('loss kept from the subscriber', _keep_a_loss_secret, Law.LOSS_TOLD),
    Breakage('heartbeat without an end', _hide_for_ever, Law.HIDDEN_NO_LONGER),
    Breakage('one heartbeat only', _beat_once, Law.KEPT_HIDDEN),
    Breakage('shortest delay of all subscribers', _wait_for_the_shortest, Law.DELAYS_KEPT),
    Breakage('jitter beyond the longest wait', _wait_without_end, Law.DELAYS_KEPT),
    Breakage(
        'one receive too many',
        _give_up(lambda message: structs.replace(message, receive_count=message.receive_count - 1)),
        Law.TRIED_ENOUGH,
    ),
    Breakage('done at a receive too many', _give_up_what_is_done, Law.TRIED_ENOUGH),
    Breakage(
        'begin without a check of the visibility timeout', _begin_without_check, Law.STARTED_HIDDEN
    ),
    Breakage('begin is not recorded', _forget_begin, Law.HIDDEN_NO_LONGER),
    Breakage('share begins after a stop', _keep_shares_at_stop, Law.STOP_IS_A_STOP),
    Breakage('no turn during a slow message', _set_no_deadline, Law.REPORTED),
    Breakage('share waits while a worker is free', _keep_shares_of_busy_workers, Law.SHARED),
    Breakage('message in the shares of two workers', _share_a_message_twice, Law.IN_WORK_ONCE),
    Breakage('worker free during a coroutine', _free_a_worker_for_a_coroutine, Law.CONCURRENCY),
)
