"""Queues, topics and buckets of a bus, and real publishers and stores on them."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher, to_filter_policy
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import EventSubscriber, SqsListener
from mega.errors import ConfigurationError, RetriableError
from mega.event import PayloadBuilder
from mega.testing import Bus, Queue
from tests.testing.conftest import Listen, Publish, recorder, retry_until


def test_a_queue_is_its_url(bus: Bus) -> None:
    queue = bus.queue('orders')
    assert queue == bus.sqs.get_queue_url(QueueName='orders')['QueueUrl']
    assert (queue.name, queue.arn) == ('orders', 'arn:aws:sqs:eu-west-1:123456789012:orders')


def test_a_topic_is_its_arn(bus: Bus) -> None:
    topic = bus.topic('events')
    assert topic == topic.arn == 'arn:aws:sns:eu-west-1:123456789012:events'
    assert topic.name == 'events'


def test_a_queue_has_its_attributes(bus: Bus) -> None:
    failed = bus.queue('failed')
    queue = bus.queue(
        'orders',
        dead_letter=failed,
        max_receive_count=3,
        visibility_timeout=90,
        attributes={'DelaySeconds': '5'},
    )
    response = bus.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=['All'])
    attributes = response['Attributes']
    assert (attributes['VisibilityTimeout'], attributes['DelaySeconds']) == ('90', '5')
    policy = {'deadLetterTargetArn': failed.arn, 'maxReceiveCount': 3}
    assert json.loads(attributes['RedrivePolicy']) == policy


def test_a_fifo_queue_and_a_fifo_topic_get_their_suffix(bus: Bus) -> None:
    queue = bus.queue('orders', fifo=True)
    assert queue.name == 'orders.fifo'
    assert bus.queue('orders.fifo') == queue
    assert bus.topic('events', to=[queue]).name == 'events.fifo'


def test_another_call_subscribes_another_queue(bus: Bus) -> None:
    first, second = bus.queue('first'), bus.queue('second')
    topic = bus.topic('events', to=[first], raw=True)
    assert bus.topic('events', to=second) == topic
    SnsPublisher(topic, client=bus.sns).publish({'n': 1})
    bodies = [
        bus.sqs.receive_message(QueueUrl=queue)['Messages'][0]['Body'] for queue in (first, second)
    ]
    assert json.loads(bodies[0]) == {'n': 1}
    assert json.loads(json.loads(bodies[1])['Message']) == {'n': 1}


def test_a_filter_policy_of_subscribers_applies(bus: Bus, listen: Listen) -> None:
    class Large(EventSubscriber):
        name = 'order.placed'

        def process(self, payload: Any) -> None:
            pass

    queue = bus.queue('large')
    policy = to_filter_policy(Large)
    topic = bus.topic('events', to=[queue], filter_policy=policy)
    publisher = SnsPublisher(topic, client=bus.sns)
    for name in ('order.placed', 'order.paid'):
        publisher.publish(PayloadBuilder().with_event(name=name).build())
    listener = listen(Large, queue)
    bus.run(listener)
    assert listener.stats().received == 1


def test_a_filter_policy_on_attributes_applies(bus: Bus, queue: Queue, listen: Listen) -> None:
    topic = bus.topic('events', to=[queue], filter_policy={'kind': ['large']})
    publisher = SnsPublisher(topic, client=bus.sns)
    for kind in ('large', 'small'):
        publisher.publish({'kind': kind}, message_attributes={'kind': kind})
    seen: list[Any] = []
    bus.run(listen(recorder(seen)))
    assert seen == [{'kind': 'large'}]


def test_wrong_options_of_a_queue_are_refused(bus: Bus) -> None:
    with pytest.raises(ConfigurationError, match='max_receive_count needs dead_letter='):
        bus.queue('orders', max_receive_count=3)
    with pytest.raises(ConfigurationError, match='must be a queue, as'):
        bus.queue('orders', dead_letter='failed')  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match='is a queue of another bus'):
        bus.queue('orders', dead_letter=Bus().queue('failed'))
    with pytest.raises(ConfigurationError, match='max_receive_count=0'):
        bus.queue('orders', dead_letter=bus.queue('failed'), max_receive_count=0)
    with pytest.raises(ConfigurationError, match='ends as a FIFO name'):
        bus.queue('orders.fifo', fifo=False)
    for to in (['orders'], 'orders'):
        with pytest.raises(ConfigurationError, match="to='orders': must be a queue"):
            bus.topic('events', to=to)  # type: ignore[arg-type]
    with pytest.raises(ClientError, match='InvalidParameterValue'):
        bus.queue('not a name')


def test_a_queue_with_other_attributes_exists_already(bus: Bus) -> None:
    bus.queue('orders', visibility_timeout=30)
    with pytest.raises(bus.sqs.exceptions.QueueNameExists):
        bus.queue('orders', visibility_timeout=60)


def test_two_buses_share_nothing(bus: Bus, publish: Publish) -> None:
    publish({'n': 1})
    other = Bus()
    with pytest.raises(other.sqs.exceptions.QueueDoesNotExist):
        other.sqs.get_queue_url(QueueName='orders')
    other.assert_nothing_published()


def test_a_publisher_of_another_service_is_refused(bus: Bus, queue: Queue) -> None:
    with pytest.raises(ConfigurationError, match='must be a client of sqs'):
        SqsPublisher(queue, client=bus.sns)


def test_a_payload_store_of_another_bus_is_refused(bus: Bus, queue: Queue) -> None:
    other = Bus()
    store = S3PayloadStore(other.bucket('bodies'), client=other.s3)
    for create in (SqsPublisher, SqsListener):
        with pytest.raises(ConfigurationError, match='payload_store= and client= must both be of'):
            create(queue, payload_store=store, client=bus.sqs)


def test_a_batch_is_published_by_several_threads(
    bus: Bus, queue: Queue, publish: Publish, listen: Listen
) -> None:
    seen: list[Any] = []
    payloads = [{'n': n} for n in range(100)]
    bus.fail('SendMessage', 'InternalError', times=3)
    SqsPublisher(queue, client=bus.sqs).publish_batch(payloads, concurrency=4)
    bus.run(listen(recorder(seen), max_number_of_messages=10))
    assert sorted(each['n'] for each in seen) == list(range(100))


def test_a_buffer_sends_its_messages_at_a_flush(bus: Bus, queue: Queue) -> None:
    with SqsPublisher(queue, client=bus.sqs).buffer(max_seconds=60) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(3)]
        buffer.flush()
        assert [each.id for each in bus.published()] == [future.result() for future in futures]


def test_a_publisher_works_in_the_thread_of_a_subscriber(
    bus: Bus, queue: Queue, publish: Publish, listen: Listen
) -> None:
    other = bus.queue('other')
    publisher = SqsPublisher(other, client=bus.sqs)

    def process(payload: Any) -> None:
        bus.fail('SendMessage', times=2)
        thread = threading.Thread(target=publisher.publish, args=[payload])
        thread.start()
        thread.join()

    class Forward(EventSubscriber):
        def process(self, payload: Any) -> None:
            process(payload)

    publish(PayloadBuilder().with_event(name='a').build())
    bus.run(listen(Forward))
    bus.assert_published({'event': {'name': 'a'}}, times=1, to=other)


def test_the_messages_of_a_group_keep_their_order_through_retries(bus: Bus, listen: Listen) -> None:
    queue = bus.queue('orders', fifo=True)
    publisher = SqsPublisher(queue, client=bus.sqs)
    for n in range(4):
        publisher.publish({'n': n}, message_group_id='a')
    times: list[float] = []
    flaky = retry_until(3, times, bus, RetriableError(60))
    bus.run(listen(flaky, queue, max_number_of_messages=10))
    assert [each.payload['n'] for each in bus.processed() if each.error is None] == [0, 1, 2, 3]
