"""Hooks around published messages: single ones, batches and buffers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import ConfigurationError, EncodeError, PublishError, TransportError
from mega.hooks import HookGenerator, Outgoing, PublishHook, PublishResult, blocking
from mega.local import FailEntries, Server
from tests.aws._publishing.batches import EACH_SERVICE, QUEUE, Clients, calls, numbers
from tests.aws.answers import Fault, sqs_answer
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import LARGE, create_bucket, store_on
from tests.local_aws import LocalAws, Service


class Recording(PublishHook):
    """Records what it sees, and adds attributes."""

    def __init__(self, **attributes: str | bytes) -> None:
        self.attributes = attributes
        self.added: list[bool] = []
        self.seen: list[Outgoing] = []
        self.results: list[PublishResult] = []

    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        self.seen.append(outgoing)
        for name, value in self.attributes.items():
            self.added.append(outgoing.add_attribute(name, value))
        self.results.append((yield))
        return None


def hook(function: Callable[[Outgoing], HookGenerator[Any]]) -> PublishHook:
    """Return a hook with `function` as its `around_publish`."""
    kind: Any = type('Made', (PublishHook,), {'around_publish': lambda _, out: function(out)})
    made: PublishHook = kind()
    return made


Publishers = Callable[..., Any]


@pytest.fixture
def to_queue(server: Server) -> Iterator[Publishers]:
    """A function that returns a publisher to a queue, with hooks."""
    with ExitStack() as stack:

        def create(*hooks: PublishHook, fifo: bool = False) -> SqsPublisher:
            url = server.create_queue('orders', fifo=fifo)
            return stack.enter_context(SqsPublisher(url, hooks=hooks, **server.credentials))

        yield create


@pytest.fixture
def to_service(server: Server, to_queue: Publishers) -> Iterator[Publishers]:
    """A function that returns a publisher to a queue or to a topic, with hooks."""
    with ExitStack() as stack:

        def create(service: Service, *hooks: PublishHook) -> Any:
            if service == 'sqs':
                return to_queue(*hooks)
            arn = server.create_topic('orders')
            return stack.enter_context(SnsPublisher(arn, hooks=hooks, **server.credentials))

        yield create


def by_publish(publisher: Any) -> list[str]:
    return [publisher.publish({'n': 1})]


def by_publish_raw(publisher: Any) -> list[str]:
    return [publisher.publish_raw_message('{"n": 1}')]


def by_batch(publisher: Any) -> list[str]:
    return [result.message_id for result in publisher.publish_batch(numbers(12))]


def by_concurrent_batch(publisher: Any) -> list[str]:
    return [result.message_id for result in publisher.publish_batch(numbers(40), concurrency=3)]


def by_buffer(publisher: Any) -> list[str]:
    with publisher.buffer() as buffer:
        futures = [buffer.publish(number) for number in numbers(12)]
    return [future.result() for future in futures]


EACH_WAY = pytest.mark.parametrize(
    'way', [by_publish, by_publish_raw, by_batch, by_concurrent_batch, by_buffer]
)


@EACH_SERVICE
@EACH_WAY
def test_a_hook_runs_once_around_each_message_and_gets_its_id(
    service: Service, way: Callable[[Any], list[str]], server: Server, to_service: Publishers
) -> None:
    recording = Recording(tenant='blue')
    ids = way(to_service(service, recording))
    assert sorted(str(result.message_id) for result in recording.results) == sorted(ids)
    assert len(recording.seen) == len(ids) == len(set(ids))
    assert all(each.attributes['tenant']['StringValue'] == 'blue' for each in server.accepted())


def test_an_asynchronous_call_runs_hooks_too(server: Server, to_queue: Publishers) -> None:
    recording = Recording()
    asyncio.run(to_queue(recording).apublish({'n': 1}))
    assert len(recording.results) == 1


def test_the_first_hook_is_the_outermost(server: Server, to_queue: Publishers) -> None:
    notes: list[str] = []

    def noting(name: str) -> PublishHook:
        def around(outgoing: Outgoing) -> HookGenerator[PublishResult]:
            notes.append(f'{name} before')
            yield
            notes.append(f'{name} after')
            return None

        return hook(around)

    to_queue(noting('a'), noting('b')).publish({'n': 1})
    assert notes == ['a before', 'b before', 'b after', 'a after']


def test_a_hook_sees_the_message_as_it_is_sent(server: Server) -> None:
    recording = Recording()
    url = server.create_queue('orders', fifo=True)
    with SqsPublisher(url, hooks=[recording], **server.credentials) as ours:
        ours.publish(
            {'n': 1},
            message_attributes={'kind': 'new', 'count': 3, 'raw': b'\x00'},
            message_group_id='g',
            message_deduplication_id='d',
        )
    [outgoing] = recording.seen
    assert (outgoing.queue_url, outgoing.topic_arn, outgoing.group_id) == (url, None, 'g')
    assert outgoing.body == '{"n":1}'
    assert outgoing.attributes == {'kind': 'new', 'count': '3', 'raw': b'\x00'}
    assert outgoing.size == 7 + len('kindStringnew') + len('countNumber3') + len('rawBinary') + 1


def test_a_hook_sees_the_topic(server: Server, to_service: Publishers) -> None:
    recording = Recording()
    by_publish(to_service('sns', recording))
    [outgoing] = recording.seen
    assert str(outgoing.topic_arn).endswith(':orders')
    assert outgoing.queue_url is None


def test_a_hook_does_not_run_for_a_payload_that_cannot_be_encoded(
    server: Server, to_queue: Publishers
) -> None:
    recording = Recording()
    ours = to_queue(recording)
    with pytest.raises(EncodeError):
        ours.publish({'n': float('nan')})
    results = ours.publish_batch([{'n': 1}, {'n': float('nan')}], raise_on_failure=False)
    assert [result.error is None for result in results] == [True, False]
    assert len(recording.results) == 1


def test_a_hook_may_use_the_blocking_calls_of_hooks_of_listeners(
    server: Server, to_queue: Publishers
) -> None:
    found: list[int] = []

    def around(outgoing: Outgoing) -> HookGenerator[PublishResult]:
        found.append((yield from blocking(len, outgoing.body)))
        yield
        found.append((yield from blocking(len, 'ab')))
        return None

    by_batch(to_queue(hook(around)))
    assert sorted(found) == [2] * 12 + [7] * 10 + [8] * 2


# Attributes that a hook adds


def test_an_attribute_of_the_user_is_never_replaced(server: Server, to_queue: Publishers) -> None:
    recording = Recording(tenant='red')
    to_queue(recording).publish({'n': 1}, message_attributes={'tenant': 'blue'})
    assert recording.added == [False]
    assert server.accepted()[0].attributes['tenant']['StringValue'] == 'blue'


@pytest.mark.parametrize(('own', 'added'), [(9, True), (10, False)])
def test_a_message_gets_no_eleventh_attribute(
    own: int, added: bool, server: Server, to_queue: Publishers
) -> None:
    recording = Recording(tenant='red')
    attributes = {f'a{number}': 'x' for number in range(own)}
    to_queue(recording).publish({'n': 1}, message_attributes=attributes)
    assert recording.added == [added]
    assert len(server.accepted()[0].attributes) == 10


@pytest.mark.parametrize(('room', 'added'), [(15, True), (14, False)])
def test_an_attribute_does_not_make_a_message_too_large(
    room: int, added: bool, server: Server
) -> None:
    """The attribute has 15 bytes: its name, its type and its value."""
    limit = 2_048
    url = server.create_queue('orders', MaximumMessageSize=limit)
    recording = Recording(tenant='red')
    with SqsPublisher(url, hooks=[recording], **server.credentials) as ours:
        ours.publish_raw_message('x' * (limit - room))
    assert recording.added == [added]
    assert len(server.accepted()) == 1


@pytest.mark.parametrize('size', [LARGE, 262_144 - 16, 262_144 - 10])
def test_an_attribute_never_decides_whether_a_body_is_offloaded(size: int, aws: LocalAws) -> None:
    recording = Recording(tenant='red')
    url = aws.create_queue()
    store = store_on(aws, create_bucket(aws))
    with SqsPublisher(url, hooks=[recording], payload_store=store, **aws.credentials) as ours:
        ours.publish('x' * size)
    [received] = aws.receive(url, at_least=1)
    names = received['MessageAttributes'].keys() if recording.added == [True] else set()
    assert recording.added == [size != 262_144 - 10]
    assert ('ExtendedPayloadSize' in names) is (size == LARGE)


def test_attributes_remain_when_a_batch_offloads_the_body(aws: LocalAws) -> None:
    """The bodies fit each, but not together."""
    recording = Recording(tenant='red')
    url = aws.create_queue()
    store = store_on(aws, create_bucket(aws), threshold=200_000)
    with SqsPublisher(url, hooks=[recording], payload_store=store, **aws.credentials) as ours:
        results = ours.publish_batch(['x' * 190_000] * 7)
    received = aws.receive(url, at_least=7)
    assert {each['MessageAttributes']['tenant']['StringValue'] for each in received} == {'red'}
    assert [seen.message_id for seen in recording.results] == [each.message_id for each in results]


@pytest.mark.parametrize('name', ['AWS.x', 'MegaPayloadType', 'ExtendedPayloadSize', ''])
def test_an_attribute_with_an_invalid_name_is_an_error(
    name: str, server: Server, to_queue: Publishers
) -> None:
    ours = to_queue(Recording(**{name: 'x'}))
    with pytest.raises(EncodeError):
        ours.publish({'n': 1})
    assert not server.accepted()


class Traced(PublishHook):
    """Sets the trace of AWS X-Ray, twice."""

    def __init__(self) -> None:
        self.added: list[bool] = []

    def around_publish(self, outgoing: Outgoing) -> HookGenerator[PublishResult]:
        self.added += [outgoing.set_trace_header('Root=1'), outgoing.set_trace_header('Root=2')]
        yield
        return None


@EACH_WAY
def test_a_message_to_a_queue_gets_one_trace_header(
    way: Callable[[Any], list[str]], server: Server, clients: Clients
) -> None:
    traced, url = Traced(), server.create_queue('orders')
    ids = way(SqsPublisher(url, client=clients['sqs'], hooks=[traced]))
    receive = {'QueueUrl': url, 'MaxNumberOfMessages': 10, 'AttributeNames': ['AWSTraceHeader']}
    for received in clients['sqs'].receive_message(**receive)['Messages']:
        assert received['Attributes'] == {'AWSTraceHeader': 'Root=1'}
    assert traced.added == [True, False] * len(ids)


def test_a_message_to_a_topic_gets_no_trace_header(to_service: Publishers) -> None:
    traced = Traced()
    by_publish(to_service('sns', traced))
    assert traced.added == [False, False]


# Failures


def test_a_hook_gets_the_error_of_a_message_that_was_not_sent(faults: FaultServer) -> None:
    recording = Recording()
    faults.will(Fault.RESET_BEFORE)
    client = faults.client('sqs')

    with pytest.raises(TransportError) as caught:
        SqsPublisher(QUEUE, client=client, hooks=[recording]).publish({'n': 1})
    assert recording.results == [PublishResult(error=caught.value)]


def test_a_hook_gets_one_result_for_all_tries(server: Server, to_service: Publishers) -> None:
    server.script(FailEntries((0,), 'InternalError'))
    recording = Recording()
    results = to_service('sqs', recording).publish_batch(numbers(2))
    assert calls(server, 'sqs') == 2
    assert {r.message_id for r in recording.results} == {r.message_id for r in results}


def test_a_hook_gets_the_error_of_each_message_whose_group_failed_before(
    server: Server, to_queue: Publishers
) -> None:
    recording = Recording()
    server.script(FailEntries((0,), 'InvalidMessageContents', status=400))
    ours = to_queue(recording, fifo=True)
    results = ours.publish_batch(
        numbers(3),
        message_group_id='g',
        message_deduplication_id=lambda payload: str(payload['n']),
        raise_on_failure=False,
    )
    assert [r.error is None for r in results] == [False] * 3
    assert recording.results == results


def raises_before(outgoing: Outgoing) -> HookGenerator[PublishResult]:
    raise KeyError('before')
    yield


def returns_before(outgoing: Outgoing) -> HookGenerator[PublishResult]:
    return PublishResult('made up')
    yield


@pytest.mark.parametrize(
    ('before', 'problem'),
    [(raises_before, 'a hook raised KeyError'), (returns_before, 'returned before its yield')],
)
def test_a_hook_that_does_not_yield_prevents_the_send(
    before: Callable[[Outgoing], HookGenerator[Any]],
    problem: str,
    server: Server,
    to_queue: Publishers,
) -> None:
    recording = Recording()
    ours = to_queue(recording, hook(before))
    with pytest.raises(PublishError, match=f'not sent: .*{problem}'):
        ours.publish({'n': 1})
    with pytest.raises(PublishError, match=problem), ours.buffer() as buffer:
        buffer.publish({'n': 1})
    [result] = ours.publish_batch(numbers(1), raise_on_failure=False)
    assert problem in str(result.error)
    assert not server.accepted()


def test_a_hook_may_refuse_one_message_of_a_batch(server: Server, to_queue: Publishers) -> None:
    def refuse(outgoing: Outgoing) -> HookGenerator[PublishResult]:
        if outgoing.body == '{"n":1}':
            raise PublishError('refused by a rule')
        yield
        return None

    results = to_queue(hook(refuse)).publish_batch(numbers(3), raise_on_failure=False)
    assert [str(result.error or '') for result in results] == ['', 'refused by a rule', '']
    assert len(server.accepted()) == 2


def raises_after(outgoing: Outgoing) -> HookGenerator[PublishResult]:
    yield
    raise KeyError('after')


def yields_twice(outgoing: Outgoing) -> HookGenerator[PublishResult]:
    yield
    yield
    return None


def answers_nonsense(outgoing: Outgoing) -> HookGenerator[Any]:
    yield
    return 'nonsense'


@pytest.mark.parametrize('after', [raises_after, yields_twice, answers_nonsense])
@EACH_WAY
def test_an_error_after_the_send_reaches_the_caller_and_names_the_message(
    after: Callable[[Outgoing], HookGenerator[Any]],
    way: Callable[[Any], list[str]],
    server: Server,
    to_queue: Publishers,
) -> None:
    with pytest.raises(PublishError, match='was sent, but a hook'):
        way(to_queue(hook(after)))
    assert server.accepted()[0].message_id


def test_a_hook_may_replace_the_result(server: Server, to_queue: Publishers) -> None:
    def replace(outgoing: Outgoing) -> HookGenerator[PublishResult]:
        yield
        return PublishResult('another id')

    assert to_queue(hook(replace)).publish({'n': 1}) == 'another id'


def test_the_hooks_of_a_payload_that_a_buffer_refuses_end_with_the_error(
    server: Server, to_queue: Publishers
) -> None:
    recording = Recording()
    buffer = to_queue(recording).buffer()
    buffer.close()
    with pytest.raises(ConfigurationError, match='closed') as caught:
        buffer.publish({'n': 1})
    assert recording.results == [PublishResult(error=caught.value)]


def test_the_hooks_of_payloads_that_a_buffer_gives_up_end_with_the_error(
    faults: FaultServer,
) -> None:
    recording = Recording()
    faults.will(Fault.SILENCE, GetQueueAttributes=[sqs_answer()])

    ours = SqsPublisher(QUEUE, client=faults.client('sqs'), hooks=[recording])
    buffer = ours.buffer(max_seconds=60)
    future = buffer.publish({'n': 1})
    # The thread of the buffer may have taken the payload, or not: its hook ends in both cases.
    with pytest.raises(PublishError):
        buffer.close(timeout=0)
    faults.end()
    assert future.exception(10) is not None
    assert [type(result.error) for result in recording.results] == [type(future.exception(0))]


def test_an_interrupt_closes_the_hooks_that_wait_for_a_result(
    server: Server, to_queue: Publishers
) -> None:
    ended: list[str] = []

    def note(outgoing: Outgoing) -> HookGenerator[PublishResult]:
        try:
            yield
        except GeneratorExit:
            ended.append(outgoing.body)
            raise
        return None

    def payloads() -> Any:
        yield {'n': 1}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        to_queue(hook(note)).publish_batch(payloads())
    assert ended == ['{"n":1}']


@pytest.mark.parametrize('value', [object(), PublishHook, 'hook'])
def test_another_object_than_a_hook_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'is not a hook: .*a subclass of PublishHook'):
        SqsPublisher(region_name='eu-west-1', hooks=[value])
