"""Random programs of calls, which two backends must answer alike.

A program has two queues with dead-letter queues, and two topics. Its steps are calls of boto3 and
the passing of time. `Run` performs the steps on one backend. It replaces ids, handles and names by
their order of appearance, and leaves out times and signatures, so that results are comparable.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import Any, TypeAlias

from botocore.exceptions import ClientError, HTTPClientError
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.contract.backend import Backend

__all__ = ('LOST', 'Program', 'Run', 'Step', 'any_program', 'timeless_program')

QUEUES = ('standard', 'fifo', 'standard dead letters', 'fifo dead letters')
LOST = 'lost'
"""The fault of a call that has its effect, and whose response is lost. Others are error codes."""


@dataclass(frozen=True)
class Send:
    """A message, or a batch of several, with bodies that are unique but for `repeats`."""

    is_fifo: bool
    groups: tuple[str, ...]
    delay: int = 0
    repeats: bool = False
    fault: str | None = None


@dataclass(frozen=True)
class Publish:
    """A message to a topic, with the value of the attribute that the subscription filters by."""

    is_fifo: bool
    kind: str
    group: str
    fault: str | None = None


@dataclass(frozen=True)
class Receive:
    """A receive from one of the queues. `timeout` is in seconds; None for the queue's own."""

    queue: str
    limit: int = 10
    timeout: int | None = None
    attempt: str | None = None
    fault: str | None = None


@dataclass(frozen=True)
class Settle:
    """A delete, or a change of the visibility timeout to `seconds`, in a batch or alone.

    `which` chooses a handle of an earlier receive.
    """

    which: int
    seconds: int | None = None
    in_batch: bool = False
    fault: str | None = None


@dataclass(frozen=True)
class Count:
    """The numbers of messages in all queues."""


@dataclass(frozen=True)
class Advance:
    """The passing of time, in seconds."""

    seconds: int


Step: TypeAlias = Send | Publish | Receive | Settle | Count | Advance
Program: TypeAlias = list[Step]


def any_program(max_size: int = 30) -> SearchStrategy[Program]:
    """Generate programs with every kind of step."""
    fault = _mostly(None, 'InternalError', LOST)
    seconds = st.sampled_from((None, None, None, 0, 1, 60, 43_200, 43_201))
    receive = st.builds(
        Receive,
        _queues(),
        _mostly(10, 1, 2),
        st.sampled_from((None, None, 0, 1, 45, 43_200)),
        _mostly(None, 'one', 'two'),
        fault,
    )
    settle = st.builds(Settle, st.integers(0, 9), seconds, st.booleans(), fault)
    return _programs(
        max_size,
        st.builds(Send, st.just(False), _groups(), _mostly(0, 1, 901), fault=fault),
        st.builds(Send, st.just(True), _groups(), repeats=_mostly(False, True), fault=fault),
        st.builds(Publish, st.booleans(), _mostly('x', 'y'), st.sampled_from('ab'), fault),
        receive,
        receive,
        settle,
        settle,
        st.builds(Advance, st.sampled_from((1, 1, 29, 31, 299, 301, 3_600, 400_000))),
        st.builds(Count),
    )


def timeless_program(max_size: int = 16) -> SearchStrategy[Program]:
    """Generate programs in which no time passes, without faults and without expired handles."""
    receive = st.builds(Receive, _queues())
    return _programs(
        max_size,
        st.builds(Send, st.just(False), _groups()),
        st.builds(Send, st.just(True), _groups(), repeats=_mostly(False, True)),
        receive,
        receive,
        st.builds(Settle, st.integers(0, 9), _mostly(None, 60), st.booleans()),
        st.builds(Count),
    )


def _mostly(usual: Any, *others: Any) -> SearchStrategy[Any]:
    return st.sampled_from((usual,) * 6 + others)


def _queues() -> SearchStrategy[str]:
    return st.sampled_from(QUEUES[:2] * 4 + QUEUES)


def _groups() -> SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from('ab'), min_size=1, max_size=3).map(tuple)


def _programs(max_size: int, *steps: SearchStrategy[Any]) -> SearchStrategy[Program]:
    return st.lists(st.one_of(*steps), min_size=max_size // 3, max_size=max_size)


@dataclass
class Run:
    """A program on one backend.

    With `is_timeless`, results leave out the order of messages, which SQS promises only within a
    group, and each handle is used once.
    """

    aws: Backend
    is_timeless: bool = False
    _urls: dict[str, str] = field(default_factory=dict)
    _topics: dict[bool, str] = field(default_factory=dict)
    _handles: list[tuple[str, str]] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, dict[str, int]] = field(default_factory=dict)
    _sent: int = 0

    def __post_init__(self) -> None:
        for fifo in (False, True):
            kind = 'fifo' if fifo else 'standard'
            shared: dict[str, object] = {'ContentBasedDeduplication': True} if fifo else {}
            dead = self.aws.queue(fifo, **shared)
            policy = {'deadLetterTargetArn': self.aws.arn(dead), 'maxReceiveCount': 2}
            queue = self.aws.queue_for_topics(fifo, RedrivePolicy=policy, **shared)
            topic = self.aws.topic(fifo, **shared)
            self.aws.subscribe(
                topic, queue, RawMessageDelivery=not fifo, FilterPolicy={'kind': ['x']}
            )
            self._urls |= {kind: queue, f'{kind} dead letters': dead}
            self._topics[fifo] = topic
            for url in (queue, dead):
                self._names[url.rpartition('/')[2]] = f'<{kind}>'
            self._names[topic.rpartition(':')[2]] = f'<{kind} topic>'

    @singledispatchmethod
    def perform(self, step: Step) -> Any:
        """Perform a step, and return its comparable result."""
        raise TypeError(step)

    @perform.register
    def _send(self, step: Send) -> Any:
        url = self._urls['fifo' if step.is_fifo else 'standard']
        entries = []
        for number, group in enumerate(step.groups):
            body = 'again' if step.repeats else f'{self._sent}-{number}'
            entry = {'Id': str(number), 'MessageBody': body, 'DelaySeconds': step.delay}
            entries.append({**entry, 'MessageGroupId': group} if step.is_fifo else entry)
        self._sent += 1
        if len(entries) > 1:
            return self._call('sqs', 'SendMessageBatch', step.fault, QueueUrl=url, Entries=entries)
        [entry] = entries
        del entry['Id']
        return self._call('sqs', 'SendMessage', step.fault, QueueUrl=url, **entry)

    @perform.register
    def _publish(self, step: Publish) -> Any:
        self._sent += 1
        group = {'MessageGroupId': step.group} if step.is_fifo else {}
        return self._call(
            'sns',
            'Publish',
            step.fault,
            TopicArn=self._topics[step.is_fifo],
            Message=f'published {self._sent}',
            MessageAttributes={'kind': {'DataType': 'String', 'StringValue': step.kind}},
            **group,
        )

    @perform.register
    def _receive(self, step: Receive) -> Any:
        optional = {'VisibilityTimeout': step.timeout, 'ReceiveRequestAttemptId': step.attempt}
        if not step.queue.startswith('fifo'):
            del optional['ReceiveRequestAttemptId']  # for FIFO queues only
        return self._call(
            'sqs',
            'ReceiveMessage',
            step.fault,
            QueueUrl=self._urls[step.queue],
            MaxNumberOfMessages=step.limit,
            MessageSystemAttributeNames=['All'],
            MessageAttributeNames=['All'],
            **{name: value for name, value in optional.items() if value is not None},
        )

    @perform.register
    def _settle(self, step: Settle) -> Any:
        if not self._handles:
            return 'no handle'
        place = step.which % len(self._handles)
        url, handle = self._handles[place]
        if self.is_timeless:
            del self._handles[place]
        change = {} if step.seconds is None else {'VisibilityTimeout': step.seconds}
        operation = 'ChangeMessageVisibility' if change else 'DeleteMessage'
        call = {'ReceiptHandle': handle, **change}
        if step.in_batch:
            return self._call(
                'sqs', f'{operation}Batch', step.fault, QueueUrl=url, Entries=[{'Id': '0', **call}]
            )
        return self._call('sqs', operation, step.fault, QueueUrl=url, **call)

    @perform.register
    def _count(self, step: Count) -> Any:
        names = [f'ApproximateNumberOfMessages{kind}' for kind in ('', 'NotVisible', 'Delayed')]
        return [self.aws.attributes(url, *names) for url in self._urls.values()]

    @perform.register
    def _advance(self, step: Advance) -> Any:
        self.aws.advance(step.seconds)

    def _call(self, service: str, operation: str, fault: str | None, **parameters: Any) -> Any:
        """Call an operation, and return the comparable form of its response or error."""
        if fault:
            assert self.aws.inject
            self.aws.inject(operation, fault)
        method = ''.join(f'_{each.lower()}' if each.isupper() else each for each in operation)[1:]
        try:
            response = getattr(getattr(self.aws, service), method)(**parameters)
        except ClientError as error:
            return error.response['Error']['Code']
        except HTTPClientError:
            return LOST
        del response['ResponseMetadata']
        if 'Messages' in response:
            messages = response['Messages']
            if self.is_timeless:
                messages.sort(key=lambda message: str(message['Body']))
            self._handles += [(parameters['QueueUrl'], m['ReceiptHandle']) for m in messages]
        return self._comparable(response)

    def _comparable(self, value: Any) -> Any:
        """Return a response with ids in the order of appearance, and without times."""
        if isinstance(value, list):
            return [self._comparable(each) for each in value if each]
        if isinstance(value, dict):
            named = {key: self._comparable_field(key, each) for key, each in value.items()}
            if '"Signature"' in str(value.get('Body')):
                del named['MD5OfBody']  # of an envelope with another id and time
            return {key: each for key, each in named.items() if each not in (None, [], {})}
        if isinstance(value, str):
            for name, replacement in self._names.items():
                value = value.replace(name, replacement)
        return value

    def _comparable_field(self, key: str, value: Any) -> Any:
        if key in ('MessageId', 'ReceiptHandle', 'SequenceNumber'):
            seen = self._seen.setdefault(key, {})
            return self._names.setdefault(value, f'<{key} {seen.setdefault(value, len(seen))}>')
        if key.endswith(('Timestamp', 'URL', 'Signature', 'SenderId', 'SignatureVersion')):
            return None
        if key == 'Body' and '"Signature"' in value:
            return self._comparable(json.loads(value))
        return self._comparable(value)
