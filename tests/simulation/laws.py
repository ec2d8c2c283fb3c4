"""What must hold in every schedule."""

from __future__ import annotations

from enum import Enum

__all__ = ('Law', 'Violation')


class Law(Enum):
    """The invariants. *Faultless* are schedules in which no call fails and no process ends."""

    NOTHING_LOST = 'a message leaves the queue completed or dead-lettered, and every one leaves it'
    RETRIES_KEPT = 'nothing is deleted that a subscriber wants again'
    DELAYS_KEPT = 'what is wanted again comes after the longest delay that was asked for'
    TRIED_ENOUGH = 'what is wanted again is dead-lettered at its last receive, and nothing else is'
    WORK_FIRST = 'nothing is deleted before it was completed or dead-lettered by who deletes it'
    SETTLED_ONCE = 'nothing more is asked of SQS for a delivery that is settled'
    TRIED_AGAIN = 'what failed and may succeed is tried again, and not called a success'
    STARTED_HIDDEN = 'nothing starts when its visibility timeout is over, by the clock of SQS'
    KEPT_HIDDEN = 'faultless: nothing that waits or is in its time to work becomes visible'
    HIDDEN_NO_LONGER = 'nothing in work is kept hidden for longer than it may take'
    LOSS_TOLD = 'who works on a message that others may have can see it'
    IN_WORK_ONCE = 'no engine has a message in work twice at once'
    CONCURRENCY = 'no more is in work than may be'
    GROUPS_IN_ORDER = 'nothing starts while an earlier message of its group is in the queue'
    FOLLOWERS_FIRST = 'the first of a group is given back after all that one has of it'
    STOP_ENDS = 'a stop ends within its grace period and the time for last calls'
    STOP_IS_QUICK = 'faultless: a stop ends soon after the last work does'
    STOP_SETTLES = 'at the end of a stop each ack was sent; faultless: and all is given back'
    STOP_IS_A_STOP = 'nothing is received or started after a stop, nothing received in a pause'
    DRAINED = 'who works until the queue is empty ends then; faultless: and leaves nothing there'
    PROMPT = 'an ack waits no longer than it may'
    WELL_FORMED = 'SQS is asked for nothing that it always refuses'
    BACKS_OFF = 'nothing is received within a second after a receive failed'
    NO_BUSY_LOOP = 'time passes between two looks that find nothing to do'
    RAISES_NOTHING = 'the engine raises nothing'


class Violation(Exception):  # noqa: N818 -- not an error of the program that finds it
    """A law does not hold."""

    def __init__(self, law: Law, text: str) -> None:
        super().__init__(f'{law.name} ({law.value}): {text}')
        self.law = law
