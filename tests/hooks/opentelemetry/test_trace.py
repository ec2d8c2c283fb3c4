"""One event through a topic into three queues, with a retry, a dead letter and its redrive."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.hooks.opentelemetry.drawing import PICTURE, draw
from tests.hooks.opentelemetry.orders import SECRET, Orders
from tests.hooks.opentelemetry.recording import Recorded, context_of, parent_of

NAMES = {
    'send orders': 1,
    'process stock': 1,
    'ReserveStock': 1,
    'ack stock': 1,
    'process mail': 2,
    'SendMail': 2,
    'nack mail': 1,
    'ack mail': 1,
    'process billing': 2,
    'WriteInvoice': 2,
    'send billing-dead': 1,
    'ack billing': 2,
}
"""The spans of the event: the message to `mail` is retried, and the one to `billing` redriven."""

EACH_DELIVERY = pytest.mark.parametrize('raw', [False, True], ids=['wrapped', 'raw'])


@EACH_DELIVERY
def test_one_trace_leads_from_the_publisher_to_every_delivery(
    raw: bool, orders: Orders, recorded: Recorded
) -> None:
    orders.subscribe(raw)
    orders.run(recorded.hook(parent='child'))
    assert Counter(recorded.names) == NAMES
    sent = recorded.only('send orders')
    assert parent_of(sent) is None
    assert {context_of(span).trace_id for span in recorded.spans} == {context_of(sent).trace_id}
    for queue in ('stock', 'mail', 'billing'):
        for delivery in recorded.all(f'process {queue}'):
            assert parent_of(delivery) == context_of(sent).span_id
    picture = PICTURE.read_text(encoding='utf-8')
    assert draw(recorded.spans) == picture, 'python -m tests.hooks.opentelemetry.drawing draws it'


@EACH_DELIVERY
def test_each_delivery_begins_a_trace_with_a_link_to_the_publisher(
    raw: bool, orders: Orders, recorded: Recorded
) -> None:
    orders.subscribe(raw)
    orders.run(recorded.hook())
    assert Counter(recorded.names) == NAMES
    sent = context_of(recorded.only('send orders'))
    deliveries = [span for span in recorded.spans if span.name.startswith('process ')]
    for delivery in deliveries:
        assert parent_of(delivery) is None
        [link] = delivery.links
        assert (link.context.trace_id, link.context.span_id) == (sent.trace_id, sent.span_id)
    traces = {context_of(span).trace_id for span in recorded.spans}
    assert traces == {sent.trace_id, *(context_of(each).trace_id for each in deliveries)}
    assert len(traces) == 1 + len(deliveries)


def test_subscribers_and_settlements_are_children_of_their_delivery(
    orders: Orders, recorded: Recorded
) -> None:
    orders.subscribe(raw=False)
    orders.run(recorded.hook())
    first, second = recorded.all('process billing')
    assert recorded.children_of(first) == ['WriteInvoice', 'send billing-dead', 'ack billing']
    assert recorded.children_of(second) == ['WriteInvoice', 'ack billing']


def test_spans_say_what_happened_without_the_text_of_an_exception(
    orders: Orders, recorded: Recorded
) -> None:
    orders.subscribe(raw=False)
    orders.run(recorded.hook())
    failed, succeeded = recorded.all('process billing')
    assert dict(failed.attributes or {}) == {
        'messaging.system': 'aws_sqs',
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'billing',
        'messaging.message.id': (failed.attributes or {})['messaging.message.id'],
        'aws.sns.topic.arn': orders.topic,
        'mega.receive_count': 1,
        'mega.queue_time': (failed.attributes or {})['mega.queue_time'],
        'mega.settlement': 'dead-letter',
        'error.type': 'ValueError',
    }
    assert (failed.status.is_ok, succeeded.status.is_ok) == (False, True)
    [event] = recorded.all('WriteInvoice')[0].events
    assert 'WriteInvoice' not in (event.attributes or {})
    assert 'orders.py' in str((event.attributes or {})['exception.stacktrace'])
    assert SECRET not in ''.join(span.to_json() for span in recorded.spans)
    retried, _ = recorded.all('process mail')
    assert (retried.attributes or {})['error.type'] == 'RetriableError'
    assert (retried.attributes or {})['mega.settlement'] == 'leave'
