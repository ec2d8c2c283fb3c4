"""The messages to send to the dead-letter queue, one in each call."""

from __future__ import annotations

from collections import deque

from mega.aws.sqs.subscribe.engine.call_limits import CallLimits
from mega.aws.sqs.subscribe.engine.commands import SendDeadLetter
from mega.aws.sqs.subscribe.engine.delivery import DEAD_LETTERING

__all__ = ('PendingDeadLetters',)


class PendingDeadLetters:
    """The dead letters without a call under way, in the order of their calls."""

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
        self._waiting: deque[SendDeadLetter] = deque()

    def add(self, command: SendDeadLetter) -> None:
        """Add a dead letter that is due now."""
        self._waiting.append(command)

    def next(self, now: float) -> SendDeadLetter | None:
        """Return the next call, if there is one."""
        while self._waiting:
            command = self._waiting.popleft()
            if command.delivery.phase is DEAD_LETTERING:  # it may have been released meanwhile
                command.delivery.is_being_dead_lettered = True
                command.time_limit = self._limits.of_dead_letter(now)
                return command
        return None
