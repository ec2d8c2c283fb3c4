"""Where the trace context is written, and where it is found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import SpanContext, TraceFlags

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, Message, ProcessStatus, SqsListener
from mega.hooks.opentelemetry import OpenTelemetry
from mega.hooks.opentelemetry.propagation import Propagation
from mega.hooks.opentelemetry.w3c import format_traceparent, parse_traceparent
from mega.hooks.opentelemetry.xray import format_trace_header, parse_trace_header
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import subscriber
from tests.hooks.opentelemetry.recording import Recorded, context_of

CARRIERS = ('attributes', 'xray', 'both')
USERS_CONTEXT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
FIELDS = ('traceparent', 'tracestate', 'baggage')

names = st.text('abcdefghijklmnop', min_size=1, max_size=8) | st.sampled_from(FIELDS)
attributes = st.dictionaries(names, st.just('x') | st.just(USERS_CONTEXT), max_size=10)


class Order(DataSubscriber):
    """A subscriber that keeps the deliveries, and the current span of each."""

    messages: list[Message] = []
    spans: list[SpanContext] = []

    def process(self, payload: Any) -> None:
        """Keep the delivery."""
        self.messages.append(self.message)
        self.spans.append(trace.get_current_span().get_span_context())


@pytest.fixture(autouse=True)
def _no_deliveries() -> None:
    Order.messages.clear()
    Order.spans.clear()


def receive(bus: Bus, queue: str, **settings: Any) -> list[Message]:
    """Process the messages of a queue, and return them."""
    bus.run(SqsListener(queue, [Order], client=bus.sqs, **settings))
    return Order.messages


# What a publisher writes


@given(own=attributes, carrier=st.sampled_from(CARRIERS))
def test_a_message_keeps_its_attributes_and_gets_no_eleventh_one(
    own: dict[str, str], carrier: str
) -> None:
    bus, recorded = Bus(), Recorded()
    queue = bus.queue('orders')
    hook = recorded.hook(carrier=carrier)
    SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish({}, message_attributes=own)
    [message] = receive(bus, queue)
    Order.messages.clear()
    has_context = 'traceparent' in own
    has_room = len(own) < 10 and carrier != 'xray' and not has_context
    sent = context_of(recorded.only('send orders'))
    expected = {**own, 'traceparent': format_traceparent(sent)} if has_room else own
    assert message.attributes == expected
    assert (message.trace_header is not None) is (carrier != 'attributes' and not has_context)


@given(
    own=st.dictionaries(st.sampled_from('abcdefghijk'), st.just('x'), max_size=10),
    tested=st.sampled_from('abcdefghijk'),
    is_wanted=st.booleans(),
)
def test_a_filter_policy_decides_as_without_the_hook(
    own: dict[str, str], tested: str, is_wanted: bool
) -> None:
    bus, recorded = Bus(), Recorded()
    queue = bus.queue('orders')
    policy = {tested: ['x'] if is_wanted else [{'exists': False}]}
    topic = bus.topic('orders', to=queue, filter_policy=policy)
    hook = recorded.hook(carrier='both')
    SnsPublisher(topic, client=bus.sns, hooks=[hook]).publish({}, message_attributes=own)
    arrived = receive(bus, queue)
    assert bool(arrived) is ((tested in own) is is_wanted)
    Order.messages.clear()


def test_a_context_of_the_user_remains_and_has_a_link(bus: Bus, recorded: Recorded) -> None:
    queue, hook = bus.queue('orders'), recorded.hook(carrier='both')
    publisher = SqsPublisher(queue, client=bus.sqs, hooks=[hook])
    publisher.publish({}, message_attributes={'traceparent': USERS_CONTEXT})
    [message] = receive(bus, queue, hooks=[hook])
    assert message.attributes == {'traceparent': USERS_CONTEXT}
    assert message.trace_header is None
    for name in ('send orders', 'process orders'):
        [link] = recorded.only(name).links
        assert format_traceparent(link.context) == USERS_CONTEXT


def test_an_invalid_context_of_the_user_remains_too(bus: Bus, recorded: Recorded) -> None:
    queue, hook = bus.queue('orders'), recorded.hook()
    publisher = SqsPublisher(queue, client=bus.sqs, hooks=[hook])
    publisher.publish({}, message_attributes={'traceparent': 'nonsense'})
    [message] = receive(bus, queue, hooks=[hook])
    assert message.attributes == {'traceparent': 'nonsense'}
    assert not recorded.only('process orders').links


def test_the_span_of_a_publisher_is_the_child_of_the_current_span(
    bus: Bus, recorded: Recorded
) -> None:
    queue = bus.queue('orders')
    publisher = SqsPublisher(queue, client=bus.sqs, hooks=[recorded.hook()])
    tracer = recorded.tracers.get_tracer('test')
    with tracer.start_as_current_span('request'), publisher.buffer() as buffer:
        publisher.publish({})
        publisher.publish_batch([{}, {}])
        buffer.publish({})
    assert recorded.children_of(recorded.only('request')) == ['send orders'] * 4


@pytest.mark.parametrize('carrier', CARRIERS)
def test_a_message_gets_no_context_without_an_sdk(carrier: Any, bus: Bus) -> None:
    queue = bus.queue('orders')
    hook = OpenTelemetry(carrier=carrier, tracer_provider=trace.NoOpTracerProvider())
    publisher = SqsPublisher(queue, client=bus.sqs, hooks=[hook])
    publisher.publish({})
    token = context.attach(baggage.set_baggage('tenant', 'blue'))
    try:
        publisher.publish({})
    finally:
        context.detach(token)
    first, second = receive(bus, queue)
    assert not first.attributes
    assert second.attributes == ({} if carrier == 'xray' else {'baggage': 'tenant=blue'})
    assert (first.trace_header, second.trace_header) == (None, None)


def test_a_baggage_of_the_user_does_not_replace_the_trace(bus: Bus, recorded: Recorded) -> None:
    queue, hook = bus.queue('orders'), recorded.hook()
    publisher = SqsPublisher(queue, client=bus.sqs, hooks=[hook])
    token = context.attach(baggage.set_baggage('tenant', 'blue'))
    try:
        publisher.publish({}, message_attributes={'baggage': 'tenant=red'})
    finally:
        context.detach(token)
    [message] = receive(bus, queue, hooks=[hook])
    sent = context_of(recorded.only('send orders'))
    assert message.attributes == {
        'baggage': 'tenant=red',
        'traceparent': format_traceparent(sent),
    }
    [link] = recorded.only('process orders').links
    assert link.context.span_id == sent.span_id


def test_baggage_arrives_if_there_is_room(bus: Bus, recorded: Recorded) -> None:
    queue, hook = bus.queue('orders'), recorded.hook()
    publisher = SqsPublisher(queue, client=bus.sqs, hooks=[hook])
    own = {f'a{number}': 'x' for number in range(9)}
    token = context.attach(baggage.set_baggage('tenant', 'blue'))
    try:
        publisher.publish({})
        publisher.publish({}, message_attributes=own)
    finally:
        context.detach(token)
    first, second = receive(bus, queue)
    assert first.attributes['baggage'] == 'tenant=blue'
    assert second.attributes.keys() == {*own, 'traceparent'}


class OneField(TextMapPropagator):
    """Another format: `b3 = <trace id>-<span id>`."""

    fields = {'b3'}

    def inject(self, carrier: Any, context: Any = None, setter: Any = None) -> None:
        """Write the current span."""
        span = trace.get_current_span(context).get_span_context()
        carrier['b3'] = f'{span.trace_id:032x}-{span.span_id:016x}'

    def extract(self, carrier: Any, context: Any = None, getter: Any = None) -> Any:
        """Read a span."""
        trace_id, span_id = carrier['b3'].split('-')
        span = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True)
        return trace.set_span_in_context(trace.NonRecordingSpan(span), context)


@pytest.fixture
def another_propagator() -> Iterator[None]:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(OneField())
    yield
    propagate.set_global_textmap(before)


def test_the_global_propagator_decides_the_format(
    bus: Bus, recorded: Recorded, another_propagator: None
) -> None:
    queue, hook = bus.queue('orders'), recorded.hook()
    SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish({})
    [message] = receive(bus, queue, hooks=[hook])
    assert message.attributes.keys() == {'b3'}
    [link] = recorded.only('process orders').links
    assert link.context.span_id == context_of(recorded.only('send orders')).span_id


# Where a listener finds it


@pytest.mark.parametrize('carrier', CARRIERS)
@pytest.mark.parametrize('way', ['queue', 'wrapped', 'raw', 'offloaded'])
def test_a_delivery_finds_its_publisher(
    way: str, carrier: str, bus: Bus, recorded: Recorded
) -> None:
    queue, hook = bus.queue('orders'), recorded.hook(carrier=carrier)
    store = S3PayloadStore(bus.bucket('bodies'), always=True, client=bus.s3)
    settings: dict[str, Any] = {'hooks': [hook]}
    if way == 'offloaded':
        settings['payload_store'] = store
    if way in ('wrapped', 'raw'):
        topic = bus.topic('orders', to=queue, raw=way == 'raw')
        SnsPublisher(topic, client=bus.sns, **settings).publish({})
    else:
        SqsPublisher(queue, client=bus.sqs, **settings).publish({})
    receive(bus, queue, **settings)
    links = [link.context for link in recorded.only('process orders').links]
    if carrier == 'xray' and way in ('wrapped', 'raw'):
        assert not links, 'SNS accepts no trace header'
    else:
        sent = context_of(recorded.only('send orders'))
        assert [(each.trace_id, each.span_id) for each in links] == [(sent.trace_id, sent.span_id)]


@pytest.mark.parametrize('carrier', CARRIERS)
@pytest.mark.parametrize('dead_letters_by', ['listener', 'redrive policy'])
def test_a_dead_letter_keeps_the_context_of_its_publisher(
    dead_letters_by: str, carrier: str, bus: Bus, recorded: Recorded
) -> None:
    dead, hook = bus.queue('dead'), recorded.hook(carrier=carrier)
    by_listener = dead_letters_by == 'listener'
    queue = bus.queue('orders', dead_letter=dead, max_receive_count=1)
    SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish({})
    answer = ProcessStatus.FATAL_ERROR if by_listener else ProcessStatus.RETRY_LATER
    bus.run(
        SqsListener(
            queue,
            [subscriber(answer)],
            client=bus.sqs,
            hooks=[hook],
            dead_letter_queue_url=dead if by_listener else None,
        ),
        raising=False,
    )
    receive(bus, dead, hooks=[hook])
    [link] = recorded.only('process dead').links
    assert link.context.span_id == context_of(recorded.only('send orders')).span_id


def test_a_subscriber_runs_within_its_span(bus: Bus, recorded: Recorded) -> None:
    queue, hook = bus.queue('orders'), recorded.hook()
    SqsPublisher(queue, client=bus.sqs, hooks=[hook]).publish({})
    receive(bus, queue, hooks=[hook])
    assert Order.spans == [context_of(recorded.only('Order'))]


HEADER = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'
spans = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.just(True),
    st.sampled_from([TraceFlags(0), TraceFlags(1)]),
)


@given(spans)
def test_a_context_is_the_same_after_a_header_of_either_format(span: SpanContext) -> None:
    assert parse_trace_header(format_trace_header(span)) == span
    assert parse_traceparent(format_traceparent(span)) == span


@given(spans)
def test_the_header_is_that_of_opentelemetrys_propagator(span: SpanContext) -> None:
    headers: dict[str, str] = {}
    within = trace.set_span_in_context(trace.NonRecordingSpan(span))
    propagate.inject(headers, within)
    assert headers == {'traceparent': format_traceparent(span)}


@pytest.mark.parametrize(
    ('header', 'is_sampled'),
    [
        (HEADER, True),
        (HEADER.replace('Sampled=1', 'Sampled=0'), False),
        (HEADER.replace(';Sampled=1', ''), False),
        (f'Self=1-2-3; {HEADER.replace(";", "; ")};Lineage=a:0', True),
    ],
)
def test_a_trace_header_of_aws_is_read(header: str, is_sampled: bool) -> None:
    span = parse_trace_header(header)
    assert span is not None
    assert f'{span.trace_id:x}' == '5759e988bd862e3fe1be46a994272793'
    assert f'{span.span_id:x}' == '53995c3f42cd8ad8'
    assert span.trace_flags.sampled is is_sampled
    assert span.is_remote


@given(st.text() | st.text('Root=1-5abcdef;Parent;Sampled0', max_size=80))
def test_any_other_text_is_no_context(text: str) -> None:
    assert parse_trace_header(text) is None
    assert parse_traceparent(text) is None


@pytest.mark.parametrize(
    'header',
    [
        'Root=1-00000000-000000000000000000000000;Parent=53995c3f42cd8ad8',
        'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000',
        HEADER + ' ' * 1_024,
    ],
)
def test_an_invalid_trace_header_is_no_context(header: str) -> None:
    assert parse_trace_header(header) is None


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=30) | st.binary(max_size=4)))
def test_invalid_context_attributes_raise_no_error(found: Any) -> None:
    message = Message('id', '{}', 'handle', found)
    _, span = Propagation('both').extract(message)
    assert span is None


def test_a_value_that_is_too_long_is_not_read(bus: Bus, recorded: Recorded) -> None:
    assert baggage_of('a=' + 'b' * 4_000) == {'a': 'b' * 4_000}
    assert baggage_of('a=' + 'b' * 8_191) == {}


def baggage_of(value: str) -> dict[str, object]:
    """Return the baggage that a delivery has, of a message with a valid span."""
    attributes: dict[str, str | bytes] = {'traceparent': USERS_CONTEXT, 'baggage': value}
    within, span = Propagation('attributes').extract(Message('id', '{}', 'handle', attributes))
    assert span is not None
    return dict(baggage.get_all(within))


@pytest.mark.parametrize(
    'value',
    [
        'é,' * 2_700,
        'a,' * 180 + 'a=b',
        'a=b,' * 180 + 'a=b',
        'a=b,two words=c',
        'a="quoted"',
        'a=b\x1b[31m',
        'a=b,c=' + 'd' * 4_100,
    ],
    ids=[
        'not ASCII', 'without values', 'too many', 'a space in a key', 'a quote', 'a control',
        'too long',
    ],
)  # fmt: skip
def test_an_invalid_baggage_is_dropped_without_a_log_record(
    value: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert baggage_of(value) == {}
    assert not caplog.records


@pytest.mark.parametrize(
    'value', ['é=1', 'a=1,' * 32 + 'b=2', 'A=1', 'a=', 'a'],
    ids=['not ASCII', 'too many', 'an uppercase key', 'an empty value', 'without a value'],
)  # fmt: skip
def test_an_invalid_tracestate_is_dropped_without_a_log_record(
    value: str, caplog: pytest.LogCaptureFixture
) -> None:
    attributes: dict[str, str | bytes] = {'traceparent': USERS_CONTEXT, 'tracestate': value}
    _, span = Propagation('attributes').extract(Message('id', '{}', 'handle', attributes))
    assert span is not None
    assert not span.trace_state
    assert not caplog.records


def test_valid_baggage_and_tracestate_are_read() -> None:
    assert baggage_of('tenant=blue, user = %C3%A9;secret;level=1') == {
        'tenant': 'blue',
        'user': 'é;secret;level=1',
    }
    state = 'rojo=00f067aa0ba902b7, 1tenant@congo=t61rcWkgMzE'
    attributes: dict[str, str | bytes] = {'traceparent': USERS_CONTEXT, 'tracestate': state}
    _, span = Propagation('attributes').extract(Message('id', '{}', 'handle', attributes))
    assert span is not None
    assert dict(span.trace_state) == {
        'rojo': '00f067aa0ba902b7',
        '1tenant@congo': 't61rcWkgMzE',
    }


@pytest.mark.parametrize(
    'beside', [{}, {'traceparent': 'nonsense'}], ids=['alone', 'beside an invalid traceparent']
)
def test_baggage_counts_only_beside_a_valid_span(
    beside: dict[str, str | bytes], recorded: Recorded
) -> None:
    """In a span, too: it is not the sender of a message without one."""
    message = Message('id', '{}', 'handle', {**beside, 'baggage': 'tenant=blue'})
    with recorded.tracers.get_tracer('test').start_as_current_span('current'):
        within, span = Propagation('attributes').extract(message)
    assert span is None
    assert not baggage.get_all(within)


def test_attributes_without_an_envelope_are_read_once() -> None:
    class Counting(dict[str, Any]):
        reads = 0

        def get(self, *arguments: Any) -> Any:
            self.reads += 1
            return super().get(*arguments)

    found = Counting(traceparent='nonsense')
    Propagation('attributes').extract(Message('id', '{}', 'handle', found))
    assert found.reads == 1


def test_a_header_of_a_later_version_is_read() -> None:
    header = USERS_CONTEXT.replace('00-', '01-', 1)
    message = Message('id', '{}', 'handle', {'traceparent': header})
    _, span = Propagation('attributes').extract(message)
    assert span is not None
    assert format_traceparent(span) == USERS_CONTEXT
