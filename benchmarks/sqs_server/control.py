"""The server's own operations for tests and benchmarks: POST /_control, in JSON."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from benchmarks.sqs_server.account import Account
from benchmarks.sqs_server.faults import FaultPlan, Faults, step_from
from benchmarks.sqs_server.messages import Message, to_wire
from benchmarks.sqs_server.operations import Object
from benchmarks.sqs_server.sqs import queue_url

__all__ = ('PATH', 'Control')

PATH = '/_control'
PAGE = 10_000  # maximum number of messages in a response


class Control:
    """Perform `{"action": ..., ...}`, without faults, latency and counting."""

    def __init__(
        self,
        account: Account,
        plan: FaultPlan,
        base_url: str,
        advance: Callable[[float], None],
    ) -> None:
        self.latency_ms = 0.0
        self._account = account
        self._plan = plan
        self._base_url = base_url
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
        rules: bool | None = None,
        latency_ms: float | None = None,
        faults: Object | None = None,
    ) -> Object:
        """Change the given settings."""
        if rules is not None:
            self._account.has_rules = rules
        if latency_ms is not None:
            self.latency_ms = latency_ms
        if faults is not None:
            self._plan.configure(Faults.from_dict(faults))
        return {}

    def _script(self, steps: list[Object], operation: str | None = None) -> Object:
        self._plan.script(map(step_from, steps), operation)
        return {}

    def _create_queue(self, name: str, attributes: dict[str, str]) -> Object:
        queue = self._account.create_queue(name, attributes)
        return {'queue_url': queue_url(self._base_url, queue.name)}

    def _create_topic(self, name: str, attributes: dict[str, str]) -> Object:
        return {'topic_arn': self._account.create_topic(name, attributes).arn}

    def _advance(self, seconds: float) -> Object:
        self._advance_clock(seconds)
        return {}

    def _accepted(self, after: int = 0) -> Object:
        """Return a page of the accepted messages in order, after the first `after` messages."""
        page = islice(self._account.accepted, after, after + PAGE)
        return {'accepted': [_to_json(message) for message in page]}

    def _counts(self) -> Object:
        return {
            'calls': self._account.calls,
            'faults': self._plan.happened,
            'accepted': len(self._account.accepted),
        }

    def _forget(self) -> Object:
        self._account.accepted.clear()
        return {}

    def _reset(self) -> Object:
        """Delete all state except the settings of rules and latency."""
        self._account.reset()
        self._plan.happened.clear()
        self._plan.configure(Faults())
        return {}


def _to_json(message: Message) -> dict[str, Any]:
    draft = message.draft
    return {
        'destination': message.destination,
        'message_id': message.id,
        'body': draft.body,
        'attributes': to_wire(draft.attributes),
        'group_id': draft.group_id,
        'deduplication_id': draft.deduplication_id,
        'delay_seconds': draft.delay_seconds,
        'subject': draft.subject,
        'sequence_number': message.sequence_number,
        'is_duplicate': message.is_duplicate,
        'at': message.at,
    }
