"""How long each call to SQS may take, derived from the deadline that the call serves.

A call may be lost without notice: the connection is dead, and no response ever arrives. The engine
must learn of it early enough to repeat the call before its deadline. A call therefore has half of
the time that is left:

    deadline                          call               of a message hidden for 8 s more
    the visibility timeout ends       delete             4 s, then 2 s for another attempt
    the visibility timeout ends       extension          4 s, then 2 s for another attempt
    the stop ends                     all last calls     at most half of the time until then

`CALL_SECONDS` limits each call, because a response that takes longer rarely arrives at all. A
long poll has that much time in addition to its wait.
"""

from __future__ import annotations

from collections.abc import Iterable

from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.engine.stopping import StopDeadlines

__all__ = ('CALL_SECONDS', 'MIN_CALL_SECONDS', 'CallLimits')

CALL_SECONDS = 5.0
"""The maximum number of seconds for the response to a call."""

MIN_CALL_SECONDS = 0.25
"""The minimum number of seconds for a call: SQS rarely responds to a new connection earlier."""


class CallLimits:
    """The time limits of the calls of one engine, in seconds."""

    def __init__(self, stop_deadlines: StopDeadlines) -> None:
        self._stop_deadlines = stop_deadlines

    def of_batch(self, deliveries: Iterable[Delivery], now: float) -> float:
        """Return the limit of a delete or of a visibility change.

        A visibility timeout that is over is not a deadline any more.
        """
        ends = (each.hidden_until for each in deliveries if each.hidden_until > now)
        return self._seconds(min(ends, default=now + 2 * CALL_SECONDS), now)

    def of_dead_letter(self, now: float) -> float:
        """Return the limit of sending a dead letter: the message is extended during the call."""
        return self._seconds(now + 2 * CALL_SECONDS, now)

    def _seconds(self, deadline: float, now: float) -> float:
        left = min(deadline, self._stop_deadlines.settling_ends) - now
        return min(CALL_SECONDS, max(MIN_CALL_SECONDS, left / 2))
