"""Every documented example works as its document says, over HTTP."""

from __future__ import annotations

import doctest
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from mega.aws._messages import destinations
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import MessageSubscriber, ProcessStatus, SqsListener
from mega.codec import encode
from mega.errors import ConfigurationError
from mega.event import Payload, PayloadBuilder
from tests import documented
from tests.documented import QUEUE_URL, TOPIC_ARN, define
from tests.event.examples import ITEM_ADDED, NOTIFICATION, USER_LOGIN
from tests.local_aws import Counts, LocalAws, moto

ACCOUNT_ID, REGION, NAME = '424566909325', 'us-east-2', 'sqs-mega-test'
TIMEOUT = 20.0  # seconds; far more than a test takes

PUBLISHERS = ['A publisher of a queue', 'A publisher of a topic']


@pytest.fixture(scope='module')
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A separate moto server: the examples name an account, and a moto server has only one."""
    with moto(tmp_path_factory.mktemp('moto'), ACCOUNT_ID, REGION) as aws:
        yield aws


@pytest.fixture(autouse=True)
def local_aws(server: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    """Create the queue and the topic of the examples, and point the environment at them."""
    monkeypatch.setenv('AWS_ENDPOINT_URL', server.endpoint_url)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'testing')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'testing')
    sqs, sns = server.client('sqs'), server.client('sns')
    sqs.create_queue(QueueName=NAME)
    assert sns.create_topic(Name=NAME)['TopicArn'] == TOPIC_ARN
    sns.subscribe(
        TopicArn=TOPIC_ARN, Protocol='sqs', Endpoint=f'arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{NAME}'
    )
    yield server
    sns.delete_topic(TopicArn=TOPIC_ARN)
    sqs.delete_queue(QueueUrl=QUEUE_URL)


def received_payloads() -> list[object]:
    """Receive the payloads in the queue through a subscriber."""
    payloads: list[object] = []

    class Everything(MessageSubscriber):
        def process(self, payload: object) -> None:
            payloads.append(payload)

    with SqsListener(QUEUE_URL, [Everything], wait_time_seconds=0) as listener:
        listener.drain()
    return payloads


def publish(*payloads: Payload | dict[str, Any]) -> None:
    with SqsPublisher(QUEUE_URL) as publisher:
        for payload in payloads:
            publisher.publish(payload)


def event(name: str, **fields: Any) -> Payload:
    builder = PayloadBuilder().with_event(domain='shopping_cart', name=name, **fields)
    return builder.with_object(id='18a3f92e').build()


@pytest.fixture(params=PUBLISHERS)
def publisher(request: pytest.FixtureRequest) -> Iterator[SqsPublisher | SnsPublisher]:
    """The publisher of each example."""
    made: SqsPublisher | SnsPublisher = define(request.param)['publisher']
    with made:
        yield made


def test_there_are_seventeen_examples() -> None:
    assert len(documented.EXAMPLES) == 17


@pytest.mark.parametrize('wrong', documented.CORRECTIONS)
def test_each_correction_applies_to_one_example(wrong: str) -> None:
    assert sum(wrong in text for _, text in documented.EXAMPLES.values()) == 1


# ── publishing ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize('title', PUBLISHERS)
def test_a_publisher_uses_the_region_of_its_destination_and_warns(
    title: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destinations, '_warned', set())
    with caplog.at_level(logging.WARNING, 'mega'), define(title)['publisher'] as publisher:
        publisher.publish({'quantity': 5})
    [warning] = caplog.messages
    assert received_payloads() == [{'quantity': 5}]
    assert "'us-west-2'" in warning
    assert "'us-east-2'" in warning


def test_a_data_object_arrives_equal(publisher: SqsPublisher | SnsPublisher) -> None:
    names = define('A data object', publisher=publisher)
    assert received_payloads() == [names['payload']] == [NOTIFICATION]


def test_a_data_object_as_bson_arrives_equal(publisher: SqsPublisher | SnsPublisher) -> None:
    define('A data object as BSON', publisher=publisher, payload=NOTIFICATION)
    assert received_payloads() == [NOTIFICATION]


def test_the_second_message_is_bson(local_aws: LocalAws) -> None:
    define('A publisher of a queue', 'A data object', 'A data object as BSON')['publisher'].close()
    bodies = [message['Body'] for message in local_aws.receive(QUEUE_URL, at_least=2)]
    assert bodies == [encode(NOTIFICATION), encode(NOTIFICATION, binary_encoding=True)]


def test_a_small_event_arrives_equal(publisher: SqsPublisher | SnsPublisher) -> None:
    sent = define('A small event', publisher=publisher)['payload']
    assert received_payloads() == [sent]
    assert sent.event.name == 'user.created'
    assert sent.event.attributes == {'email': 'johndoe_86@example.com'}
    assert sent.object.current['username'] == 'john.doe'


def test_a_rich_event_arrives_equal(publisher: SqsPublisher | SnsPublisher) -> None:
    sent = define('A rich event', publisher=publisher)['payload']
    assert received_payloads() == [sent]
    assert (sent.event.item_id, sent.event.price) == (ITEM_ADDED['event']['item_id'], '19.99')
    assert sent.object.current['items'][0]['quantity'] == 10
    assert sent.object.previous['items'][0]['quantity'] == 5
    assert sent.extra['channel'] == 'web/desktop'


def test_a_body_is_not_larger_than_documented() -> None:
    payload = define('An object to measure')['payload']
    assert len(json.dumps(payload)) == 118
    assert len(encode(payload)) <= 118
    assert len(encode(payload, binary_encoding=True)) <= 156


def test_pymongo_decodes_the_documented_bson() -> None:
    session = documented.source('Reading BSON by hand')
    example = doctest.DocTestParser().get_doctest(session, {}, 'BSON', None, None)
    assert doctest.DocTestRunner().run(example) == (0, 3)
    assert encode(NOTIFICATION, binary_encoding=True) in session


# ── subscribing ──────────────────────────────────────────────────────────────────────────────────


TEMPLATES = {'password_changed': 'Dear customer'}


class Inventory:
    """Records the requested items, and sets an event at each request."""

    def __init__(self) -> None:
        self.requested: list[str] = []
        self.was_requested = Event()

    def get_item(self, item_id: str) -> None:
        self.requested.append(item_id)
        self.was_requested.set()


class LockTakenError(Exception):
    pass


def drain(*subscribers: type[MessageSubscriber]) -> dict[str, int]:
    """Drain the queue, and return the listener's counts that are not zero."""
    with SqsListener(QUEUE_URL, subscribers, wait_time_seconds=0) as listener:
        stats = listener.drain()
    counts = {'done': stats.done, 'retried': stats.retried, 'unmatched': stats.unmatched}
    return {name: count for name, count in counts.items() if count}


def test_an_event_subscriber_receives_the_matching_event() -> None:
    inventory = Inventory()
    subscriber = define('A subscriber of events', Inventory=inventory)['ShoppingCartItemAdded']
    publish(ITEM_ADDED, USER_LOGIN)
    assert drain(subscriber) == {'done': 1, 'unmatched': 1}
    assert inventory.requested == [ITEM_ADDED['event']['item_id']]


def test_two_subscribers_receive_one_event_each() -> None:
    names = define('A subscriber of events', 'More subscribers of events')
    publish(event('item.removed'), event('checkout'))
    both = names['ShoppingCartItemRemoved'], names['ShoppingCartCheckout']
    assert drain(*both) == {'done': 2}
    publish(event('item.removed'), event('checkout'))
    assert drain(both[0]) == {'done': 1, 'unmatched': 1}


def test_a_data_subscriber_receives_the_matching_object() -> None:
    names = define('A subscriber of data objects', TemplateRepository=TEMPLATES)
    user = {'id': 987650, 'email': 'johndoe_86@example.com', 'template': 'password_changed'}
    kind = {'type': 'user:notification:email', 'notification_type': 'email'}
    publish({**kind, 'user': user}, kind)
    assert drain(names['UserNotification']) == {'done': 1, 'unmatched': 1}


def test_a_subscriber_matches_the_object_of_an_event() -> None:
    subscriber = define('A subscriber of objects of events')['UserLogin']
    publish(USER_LOGIN, ITEM_ADDED)
    assert drain(subscriber) == {'done': 1, 'unmatched': 1}


@pytest.mark.parametrize(
    ('is_taken', 'status', 'stats', 'left'),
    [
        pytest.param(False, ProcessStatus.DONE, {'done': 1}, Counts(0, 0), id='free'),
        pytest.param(True, ProcessStatus.RETRY_LATER, {'retried': 1}, Counts(0, 1), id='taken'),
    ],
)
def test_a_subscriber_leaves_the_message_while_a_lock_is_taken(
    is_taken: bool,
    status: ProcessStatus,
    stats: dict[str, int],
    left: Counts,
    local_aws: LocalAws,
) -> None:
    locked = []

    @contextmanager
    def lock(name: str) -> Iterator[None]:
        locked.append(name)
        if is_taken:
            raise LockTakenError
        yield

    names = define(
        'A subscriber that may retry',
        DatabaseLock=lock,
        DatabaseLockAlreadyAcquired=LockTakenError,
    )
    publish(event('checkout'))
    assert drain(names['ShoppingCartCheckout']) == stats
    assert local_aws.counts(QUEUE_URL) == left
    assert locked == ['shopping_cart.checkout:18a3f92e']
    assert names['ShoppingCartCheckout']().process(event('checkout')) is status


def test_a_process_without_self_is_refused_with_the_right_signature() -> None:
    names: dict[str, Any] = {'__name__': __name__}
    exec(documented.code('A subscriber that may retry', corrected=False), names)
    with (
        SqsListener(QUEUE_URL) as listener,
        pytest.raises(ConfigurationError, match=r'process must accept \(self, payload\)'),
    ):
        listener.register_subscriber(names['ShoppingCartCheckout'])


# ── the listener ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def listening(title: str, names: dict[str, Any]) -> Iterator[None]:
    """Run an example that listens until the block ends."""
    thread = Thread(target=exec, args=[documented.code(title), names])
    thread.start()
    try:
        yield
    finally:
        names['listener'].stop()
        thread.join(TIMEOUT)
        assert not thread.is_alive()
        names['listener'].close()


@pytest.fixture
def inventory() -> Inventory:
    return Inventory()


@pytest.fixture
def names(inventory: Inventory) -> dict[str, Any]:
    """The names that the subscribers of the shopping cart define."""
    return define('A subscriber of events', 'More subscribers of events', Inventory=inventory)


def test_a_listener_delivers_messages_to_its_subscribers(
    names: dict[str, Any], inventory: Inventory
) -> None:
    publish(ITEM_ADDED)
    with listening('A listener', names):
        assert inventory.was_requested.wait(TIMEOUT)
    assert names['listener'].stats().done == 1


def test_a_listener_keeps_its_settings() -> None:
    with define('A listener with its settings')['listener'] as listener:
        assert listener.queue_url == QUEUE_URL
        assert listener.max_number_of_messages == 1
        assert listener.wait_time_seconds == 20
        assert listener.visibility_timeout == 30


def test_registered_subscribers_get_messages(names: dict[str, Any], inventory: Inventory) -> None:
    names['listener'] = SqsListener(QUEUE_URL, wait_time_seconds=0)
    exec(documented.code('Registering subscribers'), names)
    publish(ITEM_ADDED, event('item.removed'), event('checkout'))
    with names['listener'] as listener:
        assert listener.drain().done == 3
        with pytest.raises(ConfigurationError, match='registered already'):
            exec(documented.code('Registering subscribers'), names)


def test_a_listener_works_until_it_is_stopped(names: dict[str, Any], inventory: Inventory) -> None:
    exec(documented.code('A listener with its settings'), names)
    exec(documented.code('Registering subscribers'), names)
    with listening('Listening', names):
        for _ in range(2):
            publish(ITEM_ADDED)
            assert inventory.was_requested.wait(TIMEOUT)
            inventory.was_requested.clear()
    assert names['listener'].stats().done == 2
