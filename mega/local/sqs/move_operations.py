"""StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from mega.local.errors import AwsError, invalid_value
from mega.local.operations import (
    NextError,
    Object,
    Operation,
    number,
    optional_number,
    optional_text,
    text,
)
from mega.local.sqs import rules
from mega.local.sqs.queues import Queue
from mega.local.sqs.registry import Registry

__all__ = ('MoveOperations',)

MAX_LISTED = 10
"""The maximum number of tasks that ListMessageMoveTasks returns (model)."""

_RATE = 'MaxNumberOfMessagesPerSecond'


@dataclass(slots=True)
class _Task:
    """A message move task. Without a `rate` in messages per second, it ends at once."""

    handle: str
    source: Queue
    destination_arn: str | None
    rate: int | None
    started: float
    to_move: int
    moved: int = 0
    status: str = 'RUNNING'
    failure: str | None = None

    @property
    def next_move(self) -> float:
        """The time at which the next message is due: the first one after an interval."""
        return self.started + (self.moved + 1) / self.rate if self.rate else self.started

    def describe(self) -> Object:
        described = {
            'TaskHandle': self.handle if self.status == 'RUNNING' else None,
            'Status': self.status,
            'SourceArn': self.source.arn,
            'DestinationArn': self.destination_arn,
            'MaxNumberOfMessagesPerSecond': self.rate,
            'ApproximateNumberOfMessagesMoved': self.moved,
            'ApproximateNumberOfMessagesToMove': self.to_move,
            'FailureReason': self.failure,
            'StartedTimestamp': int(self.started * 1_000),
        }
        return {name: value for name, value in described.items() if value is not None}


class MoveOperations:
    """Message move tasks, which `advance` performs.

    A moved message is a new message. It gets another id and a new retention period. Source: guide,
    Learn how to configure a dead-letter queue redrive.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._state = registry.state
        self._tasks: list[_Task] = []
        self.operations: dict[str, Operation] = {
            'CancelMessageMoveTask': self._cancel_message_move_task,
            'ListMessageMoveTasks': self._list_message_move_tasks,
            'StartMessageMoveTask': self._start_message_move_task,
        }

    def reset(self) -> None:
        self._tasks.clear()

    def next_move(self) -> float | None:
        """Return the time at which the next message is due, if any."""
        return min((task.next_move for task in self._running()), default=None)

    def advance(self, now: float) -> None:
        """Move the messages that are due."""
        for task in self._running():
            while task.status == 'RUNNING' and task.next_move <= now:
                self._move_one(task, now)

    def _running(self) -> Iterator[_Task]:
        return (task for task in self._tasks if task.status == 'RUNNING')

    def _move_one(self, task: _Task, now: float) -> None:
        if task.moved == task.to_move or not (stored := task.source.take_visible(now)):
            task.status = 'COMPLETED'
            return
        arn = task.destination_arn or stored.source_arn
        target = self._registry.by_arn(arn) if arn else None
        if target is None:
            task.source.put_back(stored)
            task.status = 'FAILED'
            task.failure = (
                'AWS.SimpleQueueService.NonExistentQueue'
                if arn
                else 'CouldNotDetermineMessageSource'
            )
            return
        target.put(self._state.renew(stored.message, target.arn), now)
        task.moved += 1

    def _start_message_move_task(self, request: Object, next_error: NextError) -> Object:
        source = self._source(request)
        if not any(
            queue.redrive and queue.redrive.target is source
            for queue in self._registry.queues.values()
        ):
            raise invalid_value('Source queue must be configured as a Dead Letter Queue.')
        if any(task.source is source for task in self._running()):
            raise invalid_value(
                'There is already a task running. '
                'Only one active task is allowed for a source queue arn at a given time.'
            )
        destination = optional_text(request, 'DestinationArn')
        if destination is not None:
            self._check_destination(destination, source)
        rate = optional_number(request, _RATE)
        rules.check_range(_RATE, rate)
        now = self._state.clock()
        to_move = int(source.counts(now)['ApproximateNumberOfMessages'])
        task = _Task(f'task-{uuid4()}', source, destination, rate, now, to_move)
        self._tasks.append(task)
        self.advance(now)
        return {'TaskHandle': task.handle}

    def _source(self, request: Object) -> Queue:
        source = self._registry.by_arn(text(request, 'SourceArn'))
        if source is None:
            raise _missing('The resource that you specified for the SourceArn parameter')
        return source

    def _check_destination(self, arn: str, source: Queue) -> None:
        """Source: guide, as above: the destination queue must match the type of the source."""
        target = self._registry.by_arn(arn)
        if target is None:
            raise _missing('The resource that you specified for the DestinationArn parameter')
        if target.is_fifo != source.is_fifo:
            raise invalid_value('Both queues must be FIFO, or both must be standard.')

    def _list_message_move_tasks(self, request: Object, next_error: NextError) -> Object:
        source = self._source(request)
        limit = min(number(request, 'MaxResults', 1), MAX_LISTED)
        tasks = [task for task in reversed(self._tasks) if task.source is source]
        return {'Results': [task.describe() for task in tasks[:limit]]}

    def _cancel_message_move_task(self, request: Object, next_error: NextError) -> Object:
        handle = text(request, 'TaskHandle')
        for task in self._running():
            if task.handle == handle:
                task.status = 'CANCELLED'
                return {'ApproximateNumberOfMessagesMoved': task.moved}
        raise _missing('Task')


def _missing(what: str) -> AwsError:
    return AwsError('ResourceNotFoundException', f"{what} doesn't exist.", 404)
