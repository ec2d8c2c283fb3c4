"""The plan of a batch: failures lose, duplicate and reorder nothing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.aws._publishing.batch_planner import BatchPlanner, PlannedMessage

ENTRIES = 10
BYTES = 100
AHEAD = 12

Lane = str | None


@dataclass(frozen=True)
class Given:
    """The messages to send: sizes, groups, and whether they can be sent at all."""

    size: int
    message_group: Lane = None
    is_broken: bool = False


@dataclass
class Run:
    """A plan that runs with a simulated clock, and its results.

    `fates` decides about each message of a finished request: 0, sent; 1, retried; 2, failed.
    Several requests may be in flight, and `landings` decides which of them ends first. `alarms` are
    the times without a due message, each with the time that the plan returned to wait for.
    """

    given: list[Given]
    fates: Iterator[int]
    landings: Iterator[int]
    concurrency: int = 1
    now: float = 0.0
    pulled: int = 0
    batches: list[list[int]] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    unsent: list[int] = field(default_factory=list)
    alarms: list[tuple[float, float]] = field(default_factory=list)

    def source(self) -> Iterator[PlannedMessage[int]]:
        for number, each in enumerate(self.given):
            self.pulled += 1
            problem = ValueError('broken') if each.is_broken else None
            yield PlannedMessage(number, each.size, each.message_group, problem)

    def carry_out(self) -> None:
        self.plan = BatchPlanner(self.source(), ENTRIES, BYTES, AHEAD)
        in_flight: deque[list[PlannedMessage[int]]] = deque()
        while not self.plan.is_finished:
            while len(in_flight) < self.concurrency and (batch := self.plan.next_batch(self.now)):
                in_flight.append(batch)
                self.unsent += [item.content for item in self.plan.take_unsent()]
                self._check_leaving(in_flight)
            unsent = [item.content for item in self.plan.take_unsent()]
            self.unsent += unsent
            if in_flight:
                in_flight.rotate(-next(self.landings))
                self._lands(in_flight.popleft())
            elif not unsent and not self.plan.is_finished:
                alarm = self.plan.next_due()
                assert alarm is not None
                self.alarms.append((self.now, alarm))
                self.now += 1

    def _check_leaving(self, in_flight: deque[list[PlannedMessage[int]]]) -> None:
        batch = in_flight[-1]
        self.batches.append([item.content for item in batch])
        assert len(batch) <= ENTRIES
        assert sum(item.size for item in batch) <= BYTES or len(batch) == 1
        groups = Counter(
            item.message_group for each in in_flight for item in each if item.message_group
        )
        assert not groups or max(groups.values()) == 1
        assert all(item.not_before <= self.now and not item.problem for item in batch)
        left = {number for each in self.batches for number in each}
        assert self.pulled <= len(left) + len(self.unsent) + AHEAD

    def _lands(self, batch: list[PlannedMessage[int]]) -> None:
        reschedule = []
        for item in batch:
            fate = next(self.fates)
            if fate == 1:
                reschedule.append(item)
            elif fate == 2:
                self.plan.mark_failed(item)
                self.failed.append(item.content)
            else:
                self.plan.mark_sent(item)
                self.arrived.append(item.content)
        if reschedule:
            self.plan.reschedule(reschedule, self.now + 1)


LANES = st.sampled_from([None, None, 'a', 'b', 'c'])
GIVEN = st.builds(
    Given,
    st.integers(1, BYTES) | st.integers(1, 5) | st.just(BYTES + 50),
    LANES,
    st.sampled_from([False] * 9 + [True]),
)


def carried_out(
    given: list[Given], fates: list[int], landings: list[int], concurrency: int = 1
) -> Run:
    """A run that sends every message once the drawn fates are used up."""

    def endless(drawn: list[int]) -> Iterator[int]:
        yield from drawn
        while True:
            yield 0

    run = Run(given, endless(fates), endless(landings), concurrency)
    run.carry_out()
    return run


RUNS = st.builds(
    carried_out,
    st.lists(GIVEN, max_size=60),
    st.lists(st.sampled_from([0, 0, 0, 1, 1, 2]), max_size=120),
    st.lists(st.integers(0, 4), max_size=60),
    st.integers(1, 5),
)


@given(run=RUNS)
def test_every_message_is_sent_or_failed_exactly_once(run: Run) -> None:
    """Every batch keeps the limits, and the source is read no further than `lookahead`."""
    assert sorted(run.arrived + run.failed + run.unsent) == list(range(len(run.given)))


@given(run=RUNS)
def test_a_group_arrives_in_its_order(run: Run) -> None:
    for message_group in {each.message_group for each in run.given} - {None}:
        arrived = [
            number for number in run.arrived if run.given[number].message_group == message_group
        ]
        assert arrived == sorted(arrived)


@given(run=RUNS)
def test_after_a_final_failure_no_message_of_the_group_is_sent(run: Run) -> None:
    for message_group in {each.message_group for each in run.given} - {None}:
        members = [
            number for number, each in enumerate(run.given) if each.message_group == message_group
        ]
        ends = [n for n in members if n in run.failed or run.given[n].is_broken]
        end = min(ends, default=len(run.given))
        assert all((number in run.arrived) == (number < end) for number in members)
        sent = {number for batch in run.batches for number in batch}
        assert not sent & {number for number in members if number > end}


@given(run=RUNS)
def test_a_message_without_a_group_never_waits(run: Run) -> None:
    """Only a message with a problem is not sent."""
    unsent = [number for number in run.unsent if run.given[number].message_group is None]
    assert all(run.given[number].is_broken for number in unsent)


@given(run=RUNS)
def test_the_plan_says_how_long_to_wait_if_nothing_is_due(run: Run) -> None:
    """With a time in the past the sender would ask again at once, in a busy loop."""
    assert [(now, then) for now, then in run.alarms if not now < then <= now + 1] == []


@given(
    given=st.lists(st.builds(Given, st.integers(1, BYTES + 50)), max_size=60),
    concurrency=st.integers(1, 5),
)
def test_without_groups_and_failures_messages_leave_in_order_in_full_batches(
    given: list[Given], concurrency: int
) -> None:
    run = carried_out(given, [], [], concurrency)
    assert [number for batch in run.batches for number in batch] == list(range(len(given)))
    for batch, following in zip(run.batches, run.batches[1:], strict=False):
        size = sum(given[number].size for number in [*batch, following[0]])
        assert len(batch) == ENTRIES or size > BYTES


@given(groups=st.lists(st.sampled_from('abc'), max_size=40))
def test_messages_of_several_groups_share_a_batch(groups: list[str]) -> None:
    """With a lookahead over all messages, the longest group sets the number of batches."""
    items = (
        PlannedMessage(number, 1, message_group) for number, message_group in enumerate(groups)
    )
    plan = BatchPlanner(items, ENTRIES, BYTES, len(groups) + 1)
    batches = 0
    while not plan.is_finished:
        for item in plan.next_batch(0.0):
            plan.mark_sent(item)
        batches += 1
    assert batches == max(Counter(groups).values(), default=0)


def numbered(count: int, message_group: Lane = None) -> Iterator[PlannedMessage[int]]:
    return (PlannedMessage(number, 1, message_group) for number in range(count))


def contents(items: list[PlannedMessage[int]]) -> list[int]:
    return [item.content for item in items]


def test_a_plan_without_messages_is_finished() -> None:
    plan = BatchPlanner(numbered(0), ENTRIES, BYTES, AHEAD)
    assert plan.is_finished
    assert plan.next_batch(0.0) == plan.take_unsent() == []


def test_a_plan_waits_for_messages_in_flight() -> None:
    plan = BatchPlanner(numbered(1), ENTRIES, BYTES, AHEAD)
    [item] = plan.next_batch(0.0)
    assert not plan.is_finished
    plan.mark_sent(item)
    assert plan.is_finished


def test_the_source_is_read_no_further_than_needed() -> None:
    pulled = []

    def source() -> Iterator[PlannedMessage[int]]:
        for item in numbered(1_000):
            pulled.append(item)
            yield item

    plan = BatchPlanner(source(), ENTRIES, BYTES, AHEAD)
    assert not pulled
    plan.next_batch(0.0)
    assert len(pulled) == AHEAD
    plan.next_batch(0.0)
    assert len(pulled) == AHEAD + ENTRIES


@pytest.mark.parametrize('extra', [-1, 0, 1], ids=['below', 'at', 'above'])
def test_a_batch_may_have_the_maximum_of_bytes_and_no_more(extra: int) -> None:
    items = [PlannedMessage(0, 60), PlannedMessage(1, 40 + extra)]
    plan = BatchPlanner(iter(items), ENTRIES, BYTES, AHEAD)
    assert contents(plan.next_batch(0.0)) == ([0] if extra > 0 else [0, 1])


def test_a_rescheduled_message_goes_first_but_not_before_its_time() -> None:
    plan = BatchPlanner(numbered(25), ENTRIES, BYTES, AHEAD)
    first = plan.next_batch(0.0)
    plan.reschedule(first[3:5], 5.0)
    assert contents(plan.next_batch(4.9)) == list(range(10, 20))
    assert contents(plan.next_batch(5.0)) == [3, 4, 20, 21, 22, 23, 24]
    assert [item.attempts for item in first] == [1, 1, 1, 2, 2, 1, 1, 1, 1, 1]


def test_a_group_waits_for_its_rescheduled_message() -> None:
    items = [PlannedMessage(0, 1, 'a'), PlannedMessage(1, 1, 'a'), PlannedMessage(2, 1, 'b')]
    plan = BatchPlanner(iter(items), ENTRIES, BYTES, AHEAD)
    [first, other] = plan.next_batch(0.0)
    plan.mark_sent(other)
    plan.reschedule([first], 5.0)
    assert plan.next_batch(4.0) == []
    assert plan.next_due() == 5.0
    assert contents(plan.next_batch(5.0)) == [0]
    assert plan.next_batch(9.0) == []


def test_an_unsent_message_is_reported_once() -> None:
    problem = ValueError('broken')
    items = [
        PlannedMessage(0, 1, 'a', problem),
        PlannedMessage(1, 1, 'a'),
        PlannedMessage(2, 1, 'b'),
    ]
    plan = BatchPlanner(iter(items), ENTRIES, BYTES, AHEAD)
    [sent] = plan.next_batch(0.0)
    plan.mark_sent(sent)
    assert contents(plan.take_unsent()) == [0, 1]
    assert plan.take_unsent() == []
    assert plan.is_finished


def test_a_message_with_a_problem_keeps_its_place_in_its_group() -> None:
    """It fails its group after the earlier messages of the group were sent, and not before."""
    items = [
        PlannedMessage(0, 1, 'a'),
        PlannedMessage(1, 0, 'a', ValueError('broken')),
        PlannedMessage(2, 1, 'a'),
    ]
    plan = BatchPlanner(iter(items), ENTRIES, BYTES, AHEAD)
    [first] = plan.next_batch(0.0)
    assert plan.next_batch(0.0) == plan.take_unsent() == []
    plan.mark_sent(first)
    assert plan.next_batch(0.0) == []
    assert contents(plan.take_unsent()) == [1, 2]
