"""The server's own operations for tests and benchmarks: POST /_control, in JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

from mega.local.account import Account
from mega.local.faults import FaultPlan, Faults, step_from
from mega.local.messages import Message, write_attributes
from mega.local.operations import Object

__all__ = ('PATH', 'Control')

PATH = '/_control'
PAGE = 10_000  # maximum number of messages in a response


class Control:
    """Perform `{"action": ..., ...}`, without faults, latency and counting."""

    def __init__(
        self,
        account: Account,
        plan: FaultPlan,
        advance: Callable[[float], None],
    ) -> None:
        self.latency_ms = 0.0
        self.calls: Counter[str] = Counter()
        self._account = account
        self._state = account.state
        self._plan = plan
        self._advance_clock = advance
        self._actions: dict[str, Callable[..., Object]] = {
            'accepted': self._accepted,
            'advance': self._advance,
            'configure': self._configure,
            'counts': self._counts,
            'create_queue': self._create_queue,
            'create_topic': self._create_topic,
            'forget': self._forget,
            'reset': self._reset,
            'script': self._script,
        }

    def perform(self, request: Object) -> Object:
        parameters = dict(request)
        return self._actions[parameters.pop('action')](**parameters)

    def _configure(
        self,
        latency_ms: float | None = None,
        faults: Object | None = None,
    ) -> Object:
        """Change the given settings."""
        if latency_ms is not None:
            self.latency_ms = float(latency_ms)
        if faults is not None:
            self._plan.configure(Faults.from_dict(faults))
        return {}

    def _script(self, steps: list[Object], operation: str | None = None) -> Object:
        self._plan.script(map(step_from, steps), operation)
        return {}

    def _create_queue(self, name: str, attributes: dict[str, str]) -> Object:
        request = {'QueueName': name, 'Attributes': attributes}
        return {'queue_url': self._account.call('sqs', 'CreateQueue', request)['QueueUrl']}

    def _create_topic(self, name: str, attributes: dict[str, str]) -> Object:
        request = {'Name': name, 'Attributes': attributes}
        return {'topic_arn': self._account.call('sns', 'CreateTopic', request)['TopicArn']}

    def _advance(self, seconds: float) -> Object:
        self._advance_clock(seconds)
        return {}

    def _accepted(self, after: int = 0) -> Object:
        """Return a page of the accepted messages in order, after the first `after` messages."""
        page = islice(self._state.accepted, after, after + PAGE)
        return {'accepted': [_to_json(message) for message in page]}

    def _counts(self) -> Object:
        return {
            'calls': self.calls,
            'faults': self._plan.happened,
            'accepted': len(self._state.accepted),
        }

    def _forget(self) -> Object:
        self._state.accepted.clear()
        return {}

    def _reset(self) -> Object:
        """Delete all state except the latency."""
        self._account.reset()
        self.calls.clear()
        self._plan.happened.clear()
        self._plan.configure(Faults())
        return {}


def _to_json(message: Message) -> dict[str, Any]:
    draft = message.draft
    return {
        'destination': message.destination,
        'message_id': message.id,
        'body': draft.body,
        'attributes': write_attributes(draft.attributes),
        'group_id': draft.group_id,
        'deduplication_id': draft.deduplication_id,
        'delay_seconds': draft.delay_seconds,
        'subject': draft.subject,
        'sequence_number': message.sequence_number,
        'is_duplicate': message.is_duplicate,
        'at': message.at,
    }
