"""The plan of a batch with messages that can shrink: only if needed, the largest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.aws._publishing.batch_planner import BatchPlanner, PlannedMessage

ENTRIES = 10
BYTES = 100
AHEAD = 12
LEAST = 8
"""The size that the plan expects at most after a message was shrunk."""


@dataclass(frozen=True)
class Given:
    """The messages to send. `smaller` is the size after shrinking; None if it cannot shrink."""

    size: int
    smaller: int | None = None
    message_group: str | None = None


@dataclass
class Run:
    """The batches of a plan, and the messages that were shrunk in each of them."""

    given: list[Given]
    fates: Iterator[bool]
    batches: list[list[tuple[int, int]]] = field(default_factory=list)
    shrunk: list[int] = field(default_factory=list)
    shrunk_in: list[list[int]] = field(default_factory=list)

    def item(self, number: int) -> PlannedMessage[int]:
        each = self.given[number]
        item = PlannedMessage(number, each.size, each.message_group, position=number)
        if each.smaller is not None:
            item.offloaded_size = LEAST
            item.offload = self._shrinking(number, each.smaller)
        return item

    def _shrinking(self, number: int, size: int) -> Callable[[], tuple[int, int]]:
        def offload() -> tuple[int, int]:
            self.shrunk.append(number)
            return number, size

        return offload

    def carry_out(self) -> Run:
        plan = BatchPlanner(map(self.item, range(len(self.given))), ENTRIES, BYTES, AHEAD)
        while not plan.is_finished:
            before = len(self.shrunk)
            batch = plan.next_batch(0.0)
            self.shrunk_in.append(self.shrunk[before:])
            self.batches.append([(item.content, item.size) for item in batch])
            reschedule = [item for item in batch if next(self.fates)]
            for item in batch:
                if item not in reschedule:
                    plan.mark_sent(item)
            plan.reschedule(reschedule, 0.0)
        return self


def carried_out(given: list[Given], fates: list[bool]) -> Run:
    """A run that sends every message once the drawn fates are used up."""

    def endless() -> Iterator[bool]:
        yield from fates
        while True:
            yield False

    return Run(given, endless()).carry_out()


LANES = st.sampled_from([None, None, None, 'a', 'b'])
SHRINKABLE = st.builds(Given, st.integers(LEAST + 1, 3 * BYTES), st.integers(1, LEAST), LANES)
FIXED = st.builds(Given, st.integers(1, BYTES + 50), st.none(), LANES)
FATES = st.lists(st.booleans(), max_size=60)


@given(given=st.lists(SHRINKABLE, max_size=40), fates=FATES)
def test_no_batch_is_above_the_limit_if_every_message_can_shrink(
    given: list[Given], fates: list[bool]
) -> None:
    for batch in carried_out(given, fates).batches:
        assert sum(size for _, size in batch) <= BYTES
        assert len(batch) <= ENTRIES


@given(given=st.lists(SHRINKABLE | FIXED, max_size=40), fates=FATES)
def test_only_a_message_that_is_alone_may_be_above_the_limit(
    given: list[Given], fates: list[bool]
) -> None:
    for batch in carried_out(given, fates).batches:
        assert sum(size for _, size in batch) <= BYTES or len(batch) == 1
        if len(batch) == 1 and batch[0][1] > BYTES:
            assert given[batch[0][0]].smaller is None


@given(given=st.lists(SHRINKABLE | FIXED, max_size=40), fates=FATES)
def test_no_message_shrinks_twice(given: list[Given], fates: list[bool]) -> None:
    run = carried_out(given, fates)
    assert not run.shrunk or max(Counter(run.shrunk).values()) == 1
    smaller: set[int] = set()
    for batch, shrunk in zip(run.batches, run.shrunk_in, strict=True):
        smaller.update(shrunk)
        for number, size in batch:
            each = given[number]
            assert size == (each.smaller if number in smaller else each.size)


@given(given=st.lists(SHRINKABLE | FIXED, max_size=40), fates=FATES)
def test_the_largest_messages_shrink_and_no_more_than_needed(
    given: list[Given], fates: list[bool]
) -> None:
    run = carried_out(given, fates)
    earlier: set[int] = set()
    for batch, shrunk in zip(run.batches, run.shrunk_in, strict=True):
        could = [
            number
            for number, _ in batch
            if number not in earlier and given[number].smaller is not None
        ]
        by_size = sorted(could, key=lambda number: given[number].size, reverse=True)
        sizes = [given[number].size for number in shrunk]
        assert sizes == [given[number].size for number in by_size[: len(shrunk)]]
        if shrunk:
            last = given[shrunk[-1]]
            assert last.smaller is not None
            assert sum(size for _, size in batch) - last.smaller + last.size > BYTES
        earlier.update(shrunk)


@given(given=st.lists(SHRINKABLE | FIXED, max_size=40), fates=FATES)
def test_every_message_leaves_and_a_group_keeps_its_order(
    given: list[Given], fates: list[bool]
) -> None:
    run = carried_out(given, fates)
    left = [number for batch in run.batches for number, _ in batch]
    assert set(left) == set(range(len(given)))
    for message_group in ('a', 'b'):
        members = [number for number in left if given[number].message_group == message_group]
        assert members == sorted(members)
    for batch in run.batches:
        groups = Counter(
            given[number].message_group for number, _ in batch if given[number].message_group
        )
        assert not groups or max(groups.values()) == 1


@given(given=st.lists(st.builds(Given, st.integers(9, 300), st.integers(1, 8)), max_size=40))
def test_without_groups_and_failures_messages_leave_in_order_in_full_batches(
    given: list[Given],
) -> None:
    """Shrinking costs a request to S3, and saves one for another batch."""
    run = carried_out(given, [])
    assert [number for batch in run.batches for number, _ in batch] == list(range(len(given)))
    assert all(len(batch) == ENTRIES for batch in run.batches[:-1])


@pytest.mark.parametrize('extra', [-1, 0, 1], ids=['below', 'at', 'above'])
def test_one_byte_above_the_limit_shrinks_one_message(extra: int) -> None:
    run = carried_out([Given(40, 5), Given(60 + extra, 5)], [])
    assert run.shrunk == ([1] if extra > 0 else [])


def test_the_largest_message_shrinks_at_any_position() -> None:
    run = carried_out([Given(30, 5), Given(50, 5), Given(40, 5)], [])
    assert run.batches == [[(0, 30), (1, 5), (2, 40)]]


def test_other_messages_shrink_if_the_largest_cannot() -> None:
    run = carried_out([Given(90), Given(20, 5)], [])
    assert run.batches == [[(0, 90), (1, 5)]]


def test_the_next_message_shrinks_if_the_largest_is_already_small() -> None:
    """After a failure it is in a batch with others, and cannot shrink again."""
    run = carried_out([Given(200, 5), *[Given(1)] * 9, Given(97, 5)], [True])
    assert run.shrunk == [0, 10]
    assert run.batches[1] == [(0, 5), (10, 5)]


def test_a_message_shrinks_only_when_it_leaves() -> None:
    """A message that is read ahead and never sent must not be uploaded."""
    run = Run([Given(200, 5) for _ in range(AHEAD)], iter([]))
    plan = BatchPlanner(map(run.item, range(AHEAD)), ENTRIES, BYTES, AHEAD)
    assert not plan.is_finished  # reads ahead
    assert run.shrunk == []
    plan.next_batch(0.0)
    assert sorted(run.shrunk) == list(range(ENTRIES))
