"""A function of Lambda and a listener deliver the same payloads, with the same settlement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mega.aws.lambda_ import LambdaHandler
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    ProcessStatus,
    SqsListener,
    Subscriber,
    TextSubscriber,
)
from mega.errors import RetriableError
from mega.event import Payload
from mega.match.functions import gt
from mega.testing import Bus, Queue
from tests.profile import amount

OUTCOMES: Sequence[Any] = (
    *(None, ProcessStatus.RETRY_LATER, ProcessStatus.FATAL_ERROR),
    *(ValueError('wrong'), RetriableError(5), RetriableError(0), ConnectionError()),
)


@dataclass(frozen=True)
class Sent:
    """A message: its payload or its body, and the outcomes of its first attempts."""

    content: Any
    is_raw: bool
    is_binary: bool
    group: str
    outcomes: Sequence[Any]


contents = st.one_of(
    st.fixed_dictionaries({'total': st.integers(-5, 5)}),
    st.builds(
        lambda name, total: Payload.from_dict(
            {
                'protocol': 'mega',
                'version': 1,
                'event': {'name': name, 'timestamp': '2020-01-01T00:00:00Z', 'total': total},
            }
        ),
        st.sampled_from(['order.created', 'order.closed']),
        st.integers(-5, 5),
    ),
    st.sampled_from(['a text', '{ a text', 'BQAAAAA=', b'\0\1', b'']).filter(bool),
)
bodies = st.sampled_from(['{"total": 1', '{"protocol": "mega"}', '{"Type": "Notification"}', ' '])
messages = st.builds(
    lambda content, body, binary, group, outcomes: Sent(
        content if body is None else body,
        body is not None,
        binary and not isinstance(content, str),
        group,
        outcomes,
    ),
    contents,
    st.none() | bodies,
    st.booleans(),
    st.sampled_from('ab'),
    st.lists(st.sampled_from(OUTCOMES), max_size=3),
)


@dataclass(frozen=True)
class Setting:
    """The way of the messages, and the options of the listener and the handler."""

    is_fifo: bool
    uses_topic: bool
    is_raw: bool
    options: dict[str, Any]


settings_of_runs = st.builds(
    Setting,
    *(st.booleans(), st.booleans(), st.booleans()),
    st.fixed_dictionaries(
        {},
        optional={
            'unhandled': st.sampled_from(['fatal', 'retry']),
            'unmatched': st.sampled_from(['delete', 'dead-letter']),
            'retry_delay': st.sampled_from([0, 7]),
        },
    ),
)


def subscribers_of(sent: Sequence[Sent]) -> list[Subscriber]:
    """Return subscribers with the outcomes of the messages."""
    attempts: Counter[tuple[str, str]] = Counter()

    def outcome(subscriber: MessageSubscriber) -> Any:
        place = str(subscriber.message.attributes['place'])
        key = (type(subscriber).__name__, place)
        attempt, outcomes = attempts[key], sent[int(place)].outcomes
        attempts[key] += 1
        found = outcomes[attempt] if attempt < len(outcomes) else None
        if isinstance(found, Exception):
            raise found
        return found

    class Created(EventSubscriber):
        name = 'order.created'
        retriable_exceptions = (ConnectionError,)

        def process(self, event: Any) -> Any:
            return outcome(self)

    class Large(DataSubscriber):
        pattern = {'total': gt(0)}

        def process(self, payload: Any) -> Any:
            return outcome(self)

    class AnyData(DataSubscriber):
        async def process(self, payload: Any) -> Any:
            return outcome(self)

    class Text(TextSubscriber):
        retry_delay = 3

        def process(self, payload: Any) -> Any:
            return outcome(self)

    class Blob(BlobSubscriber):
        def process(self, payload: Any) -> Any:
            return outcome(self)

    return [Created, Large, AnyData, Text, Blob]


def publish(bus: Bus, sent: Sequence[Sent], queue: Queue, setting: Setting) -> None:
    publisher: Any = SqsPublisher(queue, client=bus.sqs)
    if setting.uses_topic:
        topic = bus.topic('events', to=queue, raw=setting.is_raw)
        publisher = SnsPublisher(topic, client=bus.sns)
    for place, each in enumerate(sent):
        options: dict[str, Any] = {'message_attributes': {'place': str(place)}}
        if setting.is_fifo:
            options |= {'message_group_id': each.group, 'message_deduplication_id': str(place)}
        if each.is_raw:
            publisher.publish_raw_message(each.content, **options)
        else:
            publisher.publish(each.content, each.is_binary, **options)


def run(sent: Sequence[Sent], setting: Setting, *, on_lambda: bool) -> tuple[Any, Any]:
    """Return the deliveries of each message, or message group, in order, and the dead letters."""
    bus = Bus()
    queue, dead = bus.queue('orders', fifo=setting.is_fifo), bus.queue('dead')
    publish(bus, sent, queue, setting)
    options = {**setting.options, 'dead_letter_queue_url': dead, 'client': bus.sqs}
    subscribers = subscribers_of(sent)
    if on_lambda:
        with LambdaHandler(subscribers, **options) as handler:
            bus.run(bus.event_source_mapping(queue, handler), raising=False)
    else:
        listener = SqsListener(queue, subscribers, max_number_of_messages=10, **options)
        bus.run(listener, raising=False)
    bus.assert_nothing_left()
    deliveries = defaultdict(list)
    for each in bus.processed():
        place = int(str(each.message.attributes['place']))
        key = sent[place].group if setting.is_fifo else place
        outcome = (each.subscriber.__name__, each.payload, each.status, repr(each.error))
        deliveries[key].append((place, *outcome))
    letters = [
        (each.payload, each.problem, each.error, each.reason, each.subscriber)
        for each in bus.dead_letters()
    ]
    return dict(deliveries), sorted(letters, key=repr)


@settings(max_examples=amount(40, 2_000))
@given(st.lists(messages, min_size=1, max_size=4), settings_of_runs)
def test_a_function_and_a_listener_agree(sent: list[Sent], setting: Setting) -> None:
    assert run(sent, setting, on_lambda=True) == run(sent, setting, on_lambda=False)
