"""The laws: invariants that must hold in every schedule."""

from __future__ import annotations

from enum import Enum

__all__ = ('Law', 'Violation')


class Law(Enum):
    """The invariants. In a *faultless* schedule no call fails and no process crashes."""

    NOTHING_LOST = 'each message leaves the queue, and only after it was completed or dead-lettered'
    RETRIES_KEPT = 'the engine deletes no message for which a subscriber asked for a retry'
    DELAYS_KEPT = 'a retry has the longest delay that a subscriber asked for'
    MAX_RECEIVES_KEPT = (
        'a message that asks for a retry is dead-lettered at its last receive, and only then'
    )
    WORK_FIRST = 'the engine deletes a message only after it completed or dead-lettered it'
    SETTLED_ONCE = 'the engine makes no call for a delivery that is settled'
    TRIED_AGAIN = 'the engine repeats a call that may succeed, and does not count it as a success'
    STARTED_HIDDEN = 'no message begins after its visibility timeout, on the clock of SQS'
    KEPT_HIDDEN = 'faultless: no message becomes visible while it waits or may be in processing'
    HIDDEN_NO_LONGER = 'no message in processing is hidden for longer than max_processing_time'
    LOSS_TRUE = 'no message is reported as lost while its present receipt handle is valid'
    NEWEST_HANDLE = 'a message in flight has the newest receipt handle that was received'
    LOSS_VISIBLE = 'a subscriber can see that its message may not be in flight any more'
    NO_CONCURRENT_DUPLICATE = 'no engine has a message in processing twice at the same time'
    TIME_LEFT = 'a call that gets no answer ends early enough for another attempt'
    FRESH = 'a call that failed is repeated on a fresh connection'
    CONCURRENCY = 'an engine has at most `concurrency` messages in processing'
    SHARED = 'no message waits behind a message in processing while another worker is free'
    REPORTED = 'the engine learns of a finished message within MAX_BATCH_DELAY'
    BODY_FIRST = 'the engine starts no message while it waits for its body'
    WAIT_OCCUPIES_NOTHING = (
        'a message that waits for its body occupies no worker, and after a second no place'
    )
    WAIT_ENDS = 'the wait for a body ends with the visibility timeout, and at a stop'
    GROUPS_IN_ORDER = 'no message begins while an earlier message of its group is in the queue'
    FOLLOWERS_FIRST = 'the first message of a group becomes visible after its followers'
    STOP_ENDS = 'a stop ends within the grace period and the time for the last calls'
    STOP_IS_QUICK = 'faultless: a stop ends soon after the last message in processing'
    STOP_SETTLES = 'a stop sends all deletes; faultless: and releases all other messages'
    NOTHING_AFTER_STOP = 'no receive and no begin after a stop, and no receive during a pause'
    DRAINED = 'drain() ends when the queue is empty; faultless: and leaves no message there'
    DRAIN_PROVEN = 'a drain ends after two empty receives that began after the last change'
    TAKEN_ONCE = 'drain() begins no message that it left before, and at most max_messages'
    PAUSES = 'receives that return nothing at once do not follow each other without a pause'
    SAME_ATTEMPT = (
        'FIFO: a receive whose response was lost is repeated with its attempt id, and no other is'
    )
    PROMPT = 'a delete waits at most MAX_BATCH_DELAY'
    WELL_FORMED = 'the engine makes no call that SQS always refuses'
    BACKS_OFF = 'no receive within a second after a receive failed'
    NO_BUSY_LOOP = 'time passes between two calls of the engine without a command'
    RAISES_NOTHING = 'the engine raises no exception'


class Violation(Exception):  # noqa: N818 -- a finding, not an error of the simulation
    """A law does not hold."""

    def __init__(self, law: Enum, text: str) -> None:
        super().__init__(f'{law.name} ({law.value}): {text}')
        self.law = law
