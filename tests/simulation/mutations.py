"""Deliberate bugs of the engine and of the settlement, and the law that each of them violates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import structs

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.engine import Engine, batches
from mega.aws.sqs.subscribe.engine.assignment import WorkAssigner
from mega.aws.sqs.subscribe.engine.body_waits import BodyWaits
from mega.aws.sqs.subscribe.engine.call_limits import CallLimits
from mega.aws.sqs.subscribe.engine.commands import (
    BatchCommand,
    CallResult,
    Command,
    Entry,
    Notice,
    ProcessMessages,
    Receive,
    SendDeadLetter,
)
from mega.aws.sqs.subscribe.engine.delivery import NEVER, Delivery, Phase
from mega.aws.sqs.subscribe.engine.in_flight import InFlight
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues
from mega.aws.sqs.subscribe.engine.receiving import ReceiveScheduler
from mega.aws.sqs.subscribe.engine.visibility import VisibilityExtender
from mega.aws.sqs.subscribe.processing import settlement
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.subscribers.retry_delay import MAX_DELAY, Backoff, ResolvedDelay
from mega.errors import check_seconds
from tests.simulation.laws import Law

__all__ = ('MUTATIONS', 'Mutation')


@dataclass(frozen=True, slots=True)
class Mutation:
    """A bug: its name, the function that installs it, and the law that it violates.

    `seed` is the first of the schedules to search: shortly before the first that found the bug.
    Few schedules find a bug that needs an answer which is late by a certain time, or a stop at a
    certain time.
    """

    name: str
    install: Callable[[pytest.MonkeyPatch], None]
    law: Law
    seed: int = 0


def _drop_deletes_at_stop(patch: pytest.MonkeyPatch) -> None:
    stop = Engine.stop

    def broken(self: Engine, now: float) -> None:
        stop(self, now)
        while self._deletes.waiting:
            for entry in self._deletes.next(now).entries:
                self._in_flight.forget(entry.delivery)

    patch.setattr(Engine, 'stop', broken)


def _with_delete_results(
    replace_result: Callable[[CallResult, Delivery], CallResult],
) -> Callable[..., None]:
    deleted = Engine._deleted

    def broken(
        self: Engine, entry: Entry, result: CallResult, call: BatchCommand, now: float
    ) -> None:
        deleted(self, entry, replace_result(result, entry.delivery), call, now)

    return broken


def _ignore_partial_failures(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Engine, '_deleted', _with_delete_results(lambda *_: CallResult.OK))


def _retry_expired_handles(patch: pytest.MonkeyPatch) -> None:
    def retry_failed(result: CallResult, delivery: Delivery) -> CallResult:
        if result is not CallResult.FAILED:
            return result
        delivery.failed_calls = 0
        return CallResult.RETRY

    patch.setattr(Engine, '_deleted', _with_delete_results(retry_failed))


def _settle_by_first_outcome(patch: pytest.MonkeyPatch) -> None:
    settle = settlement.settle

    def broken(
        outcomes: Sequence[Outcome], policy: settlement.SettlementPolicy, message: Message
    ) -> settlement.Settlement:
        return settle(outcomes[:1], policy, message)

    patch.setattr(settlement, 'settle', broken)


def _extend_after_retry_delay(patch: pytest.MonkeyPatch) -> None:
    left = Engine._left

    def broken(self: Engine, delivery: Delivery, result: CallResult, now: float) -> None:
        left(self, delivery, result, now)
        if result is CallResult.OK and delivery.delay:
            delivery.phase = Phase.WORKING
            self._visibility.add_extension(delivery, self._settings.visibility_timeout)

    patch.setattr(Engine, '_left', broken)


def _do_not_extend_waiting(patch: pytest.MonkeyPatch) -> None:
    extend_if_due = VisibilityExtender.extend_if_due

    def broken(self: VisibilityExtender, delivery: Delivery, now: float) -> float:
        is_waiting = delivery.phase is Phase.WAITING
        return delivery.hidden_until if is_waiting else extend_if_due(self, delivery, now)

    patch.setattr(VisibilityExtender, 'extend_if_due', broken)


def _receive_after_stop(patch: pytest.MonkeyPatch) -> None:
    following = Engine.next

    def broken(self: Engine, now: float) -> Command | None:
        return following(self, now) or self._receives.next(self.in_flight, now)

    patch.setattr(Engine, 'next', broken)


def _release_heads_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(GroupQueues, 'must_wait', lambda self, delivery: False)


def _do_not_release_followers(patch: pytest.MonkeyPatch) -> None:
    def broken(self: GroupQueues, delivery: Delivery) -> Iterator[Delivery]:
        return iter(())

    patch.setattr(GroupQueues, 'followers', broken)


def _repeat_entry_ids(patch: pytest.MonkeyPatch) -> None:
    entries = batches.entries

    def broken(changes: Iterable[tuple[Delivery, int]]) -> tuple[Entry, ...]:
        return tuple(structs.replace(entry, id='0') for entry in entries(changes))

    patch.setattr(batches, 'entries', broken)


def _change_dead_letter_results(
    replacements: dict[CallResult, CallResult],
) -> Callable[[pytest.MonkeyPatch], None]:
    dead_lettered = Engine.dead_lettered

    def broken(self: Engine, command: SendDeadLetter, result: CallResult, now: float) -> None:
        dead_lettered(self, command, replacements.get(result, result), now)

    return lambda patch: patch.setattr(Engine, 'dead_lettered', broken)


def _free_worker_twice(patch: pytest.MonkeyPatch) -> None:
    dead_lettered = Engine.dead_lettered

    def broken(self: Engine, command: SendDeadLetter, result: CallResult, now: float) -> None:
        dead_lettered(self, command, result, now)
        self._assigner.free_workers += 1

    patch.setattr(Engine, 'dead_lettered', broken)


def _do_not_extend_dead_letters(patch: pytest.MonkeyPatch) -> None:
    extend_if_due = VisibilityExtender.extend_if_due

    def broken(self: VisibilityExtender, delivery: Delivery, now: float) -> float:
        is_failed = delivery.phase is Phase.DEAD_LETTERING
        return NEVER if is_failed else extend_if_due(self, delivery, now)

    patch.setattr(VisibilityExtender, 'extend_if_due', broken)


def _start_follower_before_delete(patch: pytest.MonkeyPatch) -> None:
    delete = Engine._delete

    def broken(self: Engine, delivery: Delivery, now: float) -> None:
        delete(self, delivery, now)
        self._groups.remove(delivery)

    patch.setattr(Engine, '_delete', broken)


def _delete_lost_messages(patch: pytest.MonkeyPatch) -> None:
    end_work = Engine._end_work

    def broken(self: Engine, delivery: Delivery, now: float) -> bool:
        delivery.is_visibility_lost = False
        return end_work(self, delivery, now)

    patch.setattr(Engine, '_end_work', broken)


def _hide_loss_from_subscriber(patch: pytest.MonkeyPatch) -> None:
    extended = VisibilityExtender.extended

    def broken(
        self: VisibilityExtender, entry: Entry, result: CallResult, decided_at: float, now: float
    ) -> float:
        when = extended(self, entry, result, decided_at, now)
        entry.delivery.is_visibility_lost = False
        return when

    patch.setattr(VisibilityExtender, 'extended', broken)


def _ignore_max_processing_time(patch: pytest.MonkeyPatch) -> None:
    limit = VisibilityExtender._limit

    def broken(self: VisibilityExtender, delivery: Delivery) -> float:
        is_limited = delivery.phase is Phase.WORKING and self._max_processing_time is not None
        return delivery.visible_at_latest if is_limited else limit(self, delivery)

    patch.setattr(VisibilityExtender, '_limit', broken)


def _extend_only_once(patch: pytest.MonkeyPatch) -> None:
    extend_if_due = VisibilityExtender.extend_if_due

    def broken(self: VisibilityExtender, delivery: Delivery, now: float) -> float:
        had_one = delivery.hidden_until > delivery.received_at + self._timeout
        is_working = delivery.phase is Phase.WORKING
        return NEVER if had_one and is_working else extend_if_due(self, delivery, now)

    patch.setattr(VisibilityExtender, 'extend_if_due', broken)


def _use_shortest_delay(patch: pytest.MonkeyPatch) -> None:
    longest = settlement._longest

    def broken(delays: Iterable[ResolvedDelay]) -> int | None:
        known = [delay.seconds for delay in delays if delay.seconds is not None]
        return longest([ResolvedDelay(min(known))] if known else [])

    patch.setattr(settlement, '_longest', broken)


def _exceed_longest_backoff(patch: pytest.MonkeyPatch) -> None:
    def broken(self: Backoff, receive_count: int) -> float:
        return check_seconds('first', self.first, 0, MAX_DELAY) * self.factor ** (receive_count + 1)

    patch.setattr(Backoff, 'max_delay_after', broken)


def _change_retried_message(
    change: Callable[[Message], Message],
) -> Callable[[pytest.MonkeyPatch], None]:
    retry = settlement.settle_retry

    def broken(
        reason: Reason,
        policy: settlement.SettlementPolicy,
        message: Message,
        delays: Sequence[ResolvedDelay] = (),
        *,
        is_attempt: bool = True,
    ) -> settlement.Settlement:
        return retry(reason, policy, change(message), delays, is_attempt=is_attempt)

    return lambda patch: patch.setattr(settlement, 'settle_retry', broken)


def _dead_letter_processed_messages(patch: pytest.MonkeyPatch) -> None:
    settle = settlement.settle

    def broken(
        outcomes: Sequence[Outcome], policy: settlement.SettlementPolicy, message: Message
    ) -> settlement.Settlement:
        if policy.max_receives is not None and message.receive_count > policy.max_receives:
            reason = Reason('Broken', 'received too often')
            return settlement.Settlement(
                settlement.SettlementAction.DEAD_LETTER, settlement.StatsField.EXHAUSTED, reason
            )
        return settle(outcomes, policy, message)

    patch.setattr(settlement, 'settle', broken)


def _begin_without_timeout_check(patch: pytest.MonkeyPatch) -> None:
    def broken(self: Engine, delivery: Delivery, now: float) -> bool:
        delivery.begun_at = now
        return True

    patch.setattr(Engine, 'begin', broken)


def _do_not_record_begin(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Engine, 'begin', lambda self, *begin: self._assigner.can_begin(*begin))


def _keep_shares_after_stop(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WorkAssigner, 'take_back_all', lambda self: None)
    _begin_after_stop(patch)


def _set_no_report_deadline(patch: pytest.MonkeyPatch) -> None:
    share = WorkAssigner.next

    def broken(self: WorkAssigner, now: float) -> ProcessMessages | None:
        process = share(self, now)
        self.deadline = NEVER
        return process

    patch.setattr(WorkAssigner, 'next', broken)
    patch.setattr(WorkAssigner, 'end_shares', lambda self, now: None)


def _keep_shares_of_busy_workers(patch: pytest.MonkeyPatch) -> None:
    take_back = WorkAssigner._take_back

    def broken(self: WorkAssigner, process: ProcessMessages, *, leave_first: bool = True) -> None:
        if not leave_first:
            take_back(self, process, leave_first=False)

    patch.setattr(WorkAssigner, '_take_back', broken)


def _assign_message_twice(patch: pytest.MonkeyPatch) -> None:
    def broken(self: WorkAssigner, process: ProcessMessages, *, leave_first: bool = True) -> None:
        for delivery in process.deliveries:
            delivery.phase = Phase.WAITING
            self._groups.ready.append(delivery)

    patch.setattr(WorkAssigner, '_take_back', broken)


def _free_worker_during_coroutine(patch: pytest.MonkeyPatch) -> None:
    end = Engine.processing_ended

    def broken(self: Engine, process: ProcessMessages, in_event_loop: int = 0) -> None:
        end(self, process)

    patch.setattr(Engine, 'processing_ended', broken)


def _keep_places_of_taken_messages(patch: pytest.MonkeyPatch) -> None:
    take_back = WorkAssigner._take_back

    def broken(self: WorkAssigner, process: ProcessMessages, *, leave_first: bool = True) -> None:
        before = self.free_workers
        take_back(self, process, leave_first=leave_first)
        self.free_workers = before

    patch.setattr(WorkAssigner, '_take_back', broken)


def _keep_places_of_coroutines(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Engine, 'coroutine_ended', lambda self: None)


def _start_messages_without_group(patch: pytest.MonkeyPatch) -> None:
    add = GroupQueues.add

    def broken(self: GroupQueues, delivery: Delivery) -> None:
        if delivery.group is None:
            self.ready.append(delivery)
        else:
            add(self, delivery)

    patch.setattr(GroupQueues, 'add', broken)


def _do_not_postpone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Engine, 'postpone', lambda self, delivery: None)


def _begin_after_stop(patch: pytest.MonkeyPatch) -> None:
    begin = Engine.begin

    def broken(self: Engine, delivery: Delivery, now: float) -> bool:
        is_stopping, self.is_stopping = self.is_stopping, False
        may_begin = begin(self, delivery, now)
        self.is_stopping = is_stopping
        return may_begin

    patch.setattr(Engine, 'begin', broken)


def _make_no_allowance(patch: pytest.MonkeyPatch) -> None:
    following = ReceiveScheduler.next

    def broken(self: ReceiveScheduler, in_flight: int, now: float) -> Receive | None:
        self._allowance = 0
        return following(self, in_flight, now)

    patch.setattr(ReceiveScheduler, 'next', broken)


def _wait_as_long_as_a_long_poll(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CallLimits, 'of_batch', lambda self, deliveries, now: 25.0)


def _reuse_connections(patch: pytest.MonkeyPatch) -> None:
    terms = batches._terms

    def broken(*arguments: Any) -> tuple[float, bool]:
        return terms(*arguments)[0], False

    patch.setattr(batches, '_terms', broken)


def _hide_end_of_timeout(patch: pytest.MonkeyPatch) -> None:
    extend_if_due = VisibilityExtender.extend_if_due

    def broken(self: VisibilityExtender, delivery: Delivery, now: float) -> float:
        when = extend_if_due(self, delivery, now)
        delivery.is_overdue = False
        return when

    patch.setattr(VisibilityExtender, 'extend_if_due', broken)


def _ignore_outdated_handles(patch: pytest.MonkeyPatch) -> None:
    extended = VisibilityExtender.extended

    def broken(
        self: VisibilityExtender, entry: Entry, result: CallResult, decided_at: float, now: float
    ) -> float:
        current = structs.replace(entry, receipt_handle=entry.delivery.receipt_handle)
        return extended(self, current, result, decided_at, now)

    patch.setattr(VisibilityExtender, 'extended', broken)


def _use_older_handles(patch: pytest.MonkeyPatch) -> None:
    track = InFlight.track

    def broken(self: InFlight, delivery: Delivery) -> None:
        if known := self.deliveries.get(delivery.id):
            known.received_at = float('-inf')
        track(self, delivery)

    patch.setattr(InFlight, 'track', broken)


def _count_all_empty_receives(patch: pytest.MonkeyPatch) -> None:
    succeeded = ReceiveScheduler.succeeded

    def broken(self: ReceiveScheduler, receive: Receive, *counts: Any) -> None:
        succeeded(self, structs.replace(receive, queue_version=self.queue_version), *counts)

    patch.setattr(ReceiveScheduler, 'succeeded', broken)


def _forget_left_messages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(InFlight, '_key_of', lambda self, delivery: delivery.receipt_handle)


def _ignore_max_messages(patch: pytest.MonkeyPatch) -> None:
    following = ReceiveScheduler.next

    def broken(self: ReceiveScheduler, in_flight: int, now: float) -> Receive | None:
        self._remaining = NEVER
        return following(self, in_flight, now)

    patch.setattr(ReceiveScheduler, 'next', broken)


def _do_not_pause(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ReceiveScheduler, '_pause', lambda self: 0.0)


def _forget_lost_receives(patch: pytest.MonkeyPatch) -> None:
    attempt = ReceiveScheduler._attempt

    def broken(self: ReceiveScheduler, now: float) -> tuple[str | None, float]:
        self._lost.clear()
        return attempt(self, now)

    patch.setattr(ReceiveScheduler, '_attempt', broken)


def _repeat_all_receives(patch: pytest.MonkeyPatch) -> None:
    succeeded = ReceiveScheduler.succeeded

    def broken(self: ReceiveScheduler, receive: Receive, *counts: Any) -> None:
        self._lost.append(receive)
        succeeded(self, receive, *counts)

    patch.setattr(ReceiveScheduler, 'succeeded', broken)


def _keep_workers_during_body_waits(patch: pytest.MonkeyPatch) -> None:
    end = Engine.processing_ended

    def broken(self: Engine, process: ProcessMessages, in_event_loop: int = 0) -> None:
        end(self, process, in_event_loop + len(self.body_waits._waiting))

    patch.setattr(Engine, 'processing_ended', broken)


def _keep_places_during_body_waits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BodyWaits, 'stalled', lambda self, now: 0)


def _keep_body_waits_at_stop(patch: pytest.MonkeyPatch) -> None:
    release = InFlight.release

    def broken(self: InFlight, delivery: Delivery, notice: Notice = Notice.RELEASED) -> None:
        if delivery.phase is not Phase.FETCHING:
            release(self, delivery, notice)

    patch.setattr(InFlight, 'release', broken)


def _start_without_body(patch: pytest.MonkeyPatch) -> None:
    begin = BodyWaits.begin

    def broken(self: BodyWaits, delivery: Delivery, now: float) -> None:
        begin(self, delivery, now)
        self.end(delivery, now)

    patch.setattr(BodyWaits, 'begin', broken)


def _wait_after_visibility_timeout(patch: pytest.MonkeyPatch) -> None:
    begin = BodyWaits.begin

    def broken(self: BodyWaits, delivery: Delivery, now: float) -> None:
        delivery.hidden_until += 60
        begin(self, delivery, now)

    patch.setattr(BodyWaits, 'begin', broken)


MUTATIONS = (
    Mutation('waiting deletes dropped at a stop', _drop_deletes_at_stop, Law.STOP_SETTLES, 2_580),
    Mutation('partial delete failures ignored', _ignore_partial_failures, Law.TRIED_AGAIN),
    Mutation(
        'delete although the second subscriber retries',
        _settle_by_first_outcome,
        Law.RETRIES_KEPT,
        29,  # a short schedule, which is quickly minimised
    ),
    Mutation('heartbeat after a retry delay was set', _extend_after_retry_delay, Law.SETTLED_ONCE),
    Mutation('waiting messages not extended', _do_not_extend_waiting, Law.KEPT_HIDDEN),
    Mutation('receive after stop', _receive_after_stop, Law.NOTHING_AFTER_STOP),
    Mutation('head released before its followers', _release_heads_first, Law.FOLLOWERS_FIRST),
    Mutation(
        'follower started while the head is retried', _do_not_release_followers, Law.GROUPS_IN_ORDER
    ),
    Mutation('batch with a duplicate entry id', _repeat_entry_ids, Law.WELL_FORMED),
    Mutation('expired handle retried without a limit', _retry_expired_handles, Law.SETTLED_ONCE),
    Mutation(
        'failed dead letter counted as sent',
        _change_dead_letter_results({CallResult.RETRY: CallResult.OK}),
        Law.WORK_FIRST,
    ),
    Mutation(
        'dead letter tried only once',
        _change_dead_letter_results({CallResult.RETRY: CallResult.FAILED}),
        Law.TRIED_AGAIN,
    ),
    Mutation('dead letter not extended', _do_not_extend_dead_letters, Law.KEPT_HIDDEN, 100),
    Mutation('worker of a dead letter freed twice', _free_worker_twice, Law.CONCURRENCY, 90),
    Mutation(
        'follower started before the delete', _start_follower_before_delete, Law.GROUPS_IN_ORDER
    ),
    Mutation('delete of a lost message', _delete_lost_messages, Law.SETTLED_ONCE),
    Mutation('loss hidden from the subscriber', _hide_loss_from_subscriber, Law.LOSS_VISIBLE),
    Mutation(
        'heartbeat beyond max_processing_time', _ignore_max_processing_time, Law.HIDDEN_NO_LONGER
    ),
    Mutation('only one heartbeat', _extend_only_once, Law.KEPT_HIDDEN),
    Mutation('shortest delay of all subscribers', _use_shortest_delay, Law.DELAYS_KEPT),
    Mutation('jitter beyond the longest delay', _exceed_longest_backoff, Law.DELAYS_KEPT),
    Mutation(
        'one receive too many',
        _change_retried_message(
            lambda message: structs.replace(message, receive_count=message.receive_count - 1)
        ),
        Law.MAX_RECEIVES_KEPT,
    ),
    Mutation(
        'processed message dead-lettered after max_receives',
        _dead_letter_processed_messages,
        Law.MAX_RECEIVES_KEPT,
    ),
    Mutation(
        'begin without a check of the visibility timeout',
        _begin_without_timeout_check,
        Law.STARTED_HIDDEN,
    ),
    Mutation('begin is not recorded', _do_not_record_begin, Law.HIDDEN_NO_LONGER),
    Mutation('share begins after a stop', _keep_shares_after_stop, Law.NOTHING_AFTER_STOP),
    Mutation(
        'finished message not reported during a slow message',
        _set_no_report_deadline,
        Law.REPORTED,
        1_500,
    ),
    Mutation('share waits while a worker is free', _keep_shares_of_busy_workers, Law.SHARED),
    Mutation(
        'message in the shares of two workers', _assign_message_twice, Law.NO_CONCURRENT_DUPLICATE
    ),
    Mutation(
        'messages without a group start together',
        _start_messages_without_group,
        Law.GROUPS_IN_ORDER,
    ),
    Mutation(
        'waiting for the event loop counts as processing',
        _do_not_postpone,
        Law.KEPT_HIDDEN,
        180,
    ),
    Mutation(
        'begin in the event loop after a stop', _begin_after_stop, Law.NOTHING_AFTER_STOP, 600
    ),
    Mutation('no allowance for late answers', _make_no_allowance, Law.NOTHING_LOST),
    Mutation('call as long as a long poll', _wait_as_long_as_a_long_poll, Law.TIME_LEFT),
    Mutation('repetition on the same connection', _reuse_connections, Law.FRESH),
    Mutation('end of the visibility timeout hidden', _hide_end_of_timeout, Law.LOSS_VISIBLE),
    Mutation(
        'response for an old receipt handle used for the new one',
        _ignore_outdated_handles,
        Law.LOSS_TRUE,
        340,
    ),
    Mutation('older handle in a late answer used', _use_older_handles, Law.NEWEST_HANDLE, 3_630),
    Mutation('empty receive before a change counted', _count_all_empty_receives, Law.DRAIN_PROVEN),
    Mutation('drain takes what it left', _forget_left_messages, Law.TAKEN_ONCE, 150),
    Mutation('max_messages ignored', _ignore_max_messages, Law.TAKEN_ONCE),
    Mutation('no pause between empty receives', _do_not_pause, Law.PAUSES),
    Mutation('new attempt id after a lost response', _forget_lost_receives, Law.SAME_ATTEMPT),
    Mutation('attempt id used after an answer', _repeat_all_receives, Law.SAME_ATTEMPT),
    Mutation('worker free during a coroutine', _free_worker_during_coroutine, Law.CONCURRENCY),
    Mutation('place occupied after a coroutine', _keep_places_of_coroutines, Law.NOTHING_LOST),
    Mutation('place of a taken message occupied', _keep_places_of_taken_messages, Law.NOTHING_LOST),
    Mutation(
        'wait for a body keeps its worker',
        _keep_workers_during_body_waits,
        Law.WAIT_OCCUPIES_NOTHING,
    ),
    Mutation(
        'wait for a body keeps its place',
        _keep_places_during_body_waits,
        Law.WAIT_OCCUPIES_NOTHING,
    ),
    Mutation(
        'wait for a body continues after a stop', _keep_body_waits_at_stop, Law.WAIT_ENDS, 500
    ),
    Mutation('start without the body', _start_without_body, Law.BODY_FIRST),
    Mutation(
        'wait for a body after the visibility timeout',
        _wait_after_visibility_timeout,
        Law.WAIT_ENDS,
    ),
)
