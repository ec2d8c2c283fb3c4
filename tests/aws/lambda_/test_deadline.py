"""The remaining time of an invocation, and the time limits of its calls."""

from __future__ import annotations

from mega.aws._transport.clock import SYSTEM_CLOCK
from mega.aws.lambda_.deadline import Deadline
from tests.aws.lambda_.events import Context


def limits(deadline: Deadline) -> list[float | None]:
    found = [deadline.limit_of_fetch(SYSTEM_CLOCK), deadline.limit_of_settlement(SYSTEM_CLOCK)]
    return [None if limit is None else round(limit.seconds, 3) for limit in found]


def test_a_body_is_fetched_before_the_margin_and_a_message_settled_within_it() -> None:
    assert limits(Deadline(Context(9_000), margin=2)) == [7, 8.9]


def test_no_time_limit_is_negative() -> None:
    assert limits(Deadline(Context(50), margin=2)) == [0, 0]


def test_the_deadline_is_near_from_the_margin_on() -> None:
    context = Context(2_001)
    deadline = Deadline(context, margin=2)
    assert not deadline.is_near
    context.remaining = 2_000
    assert deadline.is_near


def test_a_call_without_a_context_has_no_deadline() -> None:
    deadline = Deadline(None, margin=2)
    assert (deadline.is_known, deadline.is_near) == (False, False)
    assert limits(deadline) == [None, None]


def test_a_deadline_is_near_only_at_the_end_without_a_margin() -> None:
    context = Context(1)
    deadline = Deadline(context, margin=0)
    assert not deadline.is_near
    context.remaining = 0
    assert deadline.is_near
