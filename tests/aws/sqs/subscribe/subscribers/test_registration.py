"""The constructor and the registration of subscribers reject invalid arguments with a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    SqsListener,
    TextSubscriber,
)
from mega.errors import ConfigurationError
from mega.testing import Bus
from tests.aws.sqs.subscribe.factories import listener_on, send, subscriber

QUEUE_URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'
FIFO_QUEUE_URL = f'{QUEUE_URL}.fifo'
DEAD_LETTERS = f'{QUEUE_URL}-dead'

Make = Callable[..., SqsListener]


@pytest.fixture(scope='module')
def client() -> Iterator[Any]:
    """Return a client without a server. These checks send no request."""
    made = boto3.Session('key', 'secret', region_name='eu-west-1').client(
        'sqs', endpoint_url='http://127.0.0.1:1'
    )
    yield made
    made.close()


@pytest.fixture
def make(client: Any) -> Make:
    def listener(queue_url: str = QUEUE_URL, **settings: Any) -> SqsListener:
        return SqsListener(queue_url, client=client, **settings)

    return listener


class Plain(MessageSubscriber):
    def process(self, payload: Any) -> None: ...


class NeedsArgument(MessageSubscriber):
    def __init__(self, pool: object) -> None: ...

    def process(self, payload: Any) -> None: ...


class NeedsKeyword(MessageSubscriber):
    def __init__(self, *, pool: object) -> None: ...

    def process(self, payload: Any) -> None: ...


class NeedsNewArgument(MessageSubscriber):
    def __new__(cls, pool: object) -> NeedsNewArgument:
        return super().__new__(cls)

    def process(self, payload: Any) -> None: ...


@dataclass
class NeedsField(MessageSubscriber):
    pool: object

    def process(self, payload: Any) -> None: ...


class TakesAnything(MessageSubscriber):
    def __init__(self, pool: object = None, *rest: object, **options: object) -> None: ...

    def process(self, payload: Any, *rest: object, log: object = None) -> None: ...


class Unfinished(EventSubscriber):
    name = 'item.added'


class WithoutSelf(MessageSubscriber):
    def process(payload: Any) -> None: ...  # type: ignore[override]  # noqa: N805


class WithoutPayload(MessageSubscriber):
    def process(self) -> None: ...  # type: ignore[override]


class WithMore(MessageSubscriber):
    def process(self, payload: Any, log: object) -> None: ...  # type: ignore[override]


class WithKeyword(MessageSubscriber):
    def process(self, payload: Any, *, log: object) -> None: ...  # type: ignore[override]


class WithValue(MessageSubscriber):
    process = None  # type: ignore[assignment]


class RaisingConstructor(MessageSubscriber):
    def __init__(self) -> None:
        raise LookupError('sk-secret')

    def process(self, payload: Any) -> None: ...


@dataclass(frozen=True)
class Frozen(MessageSubscriber):
    def process(self, payload: Any) -> None: ...


class Sealed(MessageSubscriber):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def process(self, payload: Any) -> None: ...


class WithOwnMessage(MessageSubscriber):
    @property
    def message(self) -> Any:  # type: ignore[override]
        return 'mine'

    def process(self, payload: Any) -> None: ...


class WithOtherMessage(WithOwnMessage):
    message = property(lambda self: 'mine', lambda self, value: None)


class Yielding(MessageSubscriber):
    def process(self, payload: Any) -> Iterator[None]:  # type: ignore[override]
        yield


class YieldingAsync(MessageSubscriber):
    async def process(self, payload: Any) -> AsyncIterator[None]:  # type: ignore[override]
        yield


class StaticWithTwo(MessageSubscriber):
    @staticmethod
    def process(self: object, payload: Any) -> None: ...  # type: ignore[override]


class Unrelated:
    def process(self, payload: Any) -> None: ...


REFUSED = [
    pytest.param(Plain(), 'register the class, not an instance', id='instance'),
    pytest.param(Unrelated, 'Unrelated.*must extend MessageSubscriber', id='another class'),
    pytest.param(int, 'int.*must extend MessageSubscriber', id='int'),
    pytest.param(Plain.process, 'not a subscriber class', id='function'),
    pytest.param(None, 'None is not a subscriber class', id='None'),
    pytest.param('Plain', 'not a subscriber class', id='name'),
    pytest.param([Plain], 'not a subscriber class', id='list'),
    pytest.param(NeedsArgument, 'NeedsArgument needs arguments', id='argument'),
    pytest.param(NeedsKeyword, 'NeedsKeyword needs arguments', id='keyword'),
    pytest.param(NeedsNewArgument, 'NeedsNewArgument needs arguments', id='__new__'),
    pytest.param(NeedsField, 'NeedsField needs arguments', id='dataclass'),
    pytest.param(Unfinished, r'must define process\(self, payload\)', id='no process'),
    pytest.param(WithoutSelf, r'WithoutSelf.*\(self, payload\)', id='process without self'),
    pytest.param(WithoutPayload, r'WithoutPayload.*\(self, payload\)', id='without payload'),
    pytest.param(WithMore, r'WithMore.*\(self, payload\)', id='process with more'),
    pytest.param(WithKeyword, r'WithKeyword.*\(self, payload\)', id='process with a keyword'),
    pytest.param(StaticWithTwo, r'StaticWithTwo.*\(self, payload\)', id='static process'),
    pytest.param(RaisingConstructor, 'RaisingConstructor raised LookupError: ', id='raises'),
    pytest.param(Frozen, 'self.message` of Frozen: FrozenInstanceError', id='frozen'),
    pytest.param(Sealed, 'self.message` of Sealed: AttributeError', id='__setattr__'),
    pytest.param(WithOwnMessage, 'WithOwnMessage: AttributeError', id='message without setter'),
    pytest.param(WithOtherMessage, 'it has another value', id='message with another value'),
    pytest.param(Yielding, 'Yielding.process is a generator: .*`yield`', id='generator'),
    pytest.param(YieldingAsync, 'YieldingAsync.process is a generator', id='async generator'),
    pytest.param(WithValue, r'WithValue.*\(self, payload\)', id='process that is not a function'),
    *(
        pytest.param(base, rf'{base.__name__} is abstract', id=base.__name__)
        for base in (
            MessageSubscriber, EventSubscriber, DataSubscriber, TextSubscriber, BlobSubscriber,
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(('refused', 'reason'), REFUSED)
def test_an_invalid_subscriber_is_rejected_with_advice(
    make: Make, refused: Any, reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        make().register_subscriber(refused)
    with pytest.raises(ConfigurationError, match=reason):
        make(subscribers=[refused])


class ClassMethod(MessageSubscriber):
    @classmethod
    def process(cls, payload: Any) -> None: ...


class Slotted(MessageSubscriber):
    __slots__ = ('message',)

    def process(self, payload: Any) -> None: ...


@dataclass
class WithDefault(MessageSubscriber):
    pool: object = None

    def process(self, payload: Any) -> None: ...


@pytest.mark.parametrize('accepted', [ClassMethod, Slotted, WithDefault], ids=lambda c: c.__name__)
def test_a_subscriber_is_registered_if_an_instance_can_process(make: Make, accepted: Any) -> None:
    assert make(subscribers=[accepted]).subscribers == (accepted,)


def test_a_class_is_registered_at_most_once(make: Make) -> None:
    listener = make(subscribers=[Plain])
    with pytest.raises(ConfigurationError, match='Plain is registered already'):
        listener.register_subscriber(Plain)
    with pytest.raises(ConfigurationError, match='Plain is registered already'):
        make(subscribers=[TakesAnything, Plain, Plain])


def test_a_subclass_is_registered_beside_its_base_class(make: Make) -> None:
    listener = make(subscribers=iter([Plain, TakesAnything]))
    listener.register_subscriber(subscriber(base=Plain, called='Plain'))
    listener.register_subscriber(subscriber(base=NeedsField, __init__=lambda self: None))


def test_a_listener_without_subscribers_does_not_start(make: Make) -> None:
    listener = make()
    with pytest.raises(ConfigurationError, match='without subscribers: register at least one'):
        listener.listen()
    with pytest.raises(ConfigurationError, match='without subscribers: register at least one'):
        listener.drain()


@pytest.mark.parametrize('queue_url', [None, ''], ids=repr)
def test_a_listener_needs_a_queue(client: Any, queue_url: str | None) -> None:
    with pytest.raises(ConfigurationError, match='queue_url='):
        SqsListener(queue_url, client=client)


@pytest.mark.parametrize(
    ('name', 'refused', 'accepted'),
    [
        ('max_number_of_messages', [0, 11, -1, True, 1.0, '1', None], [1, 10]),
        ('wait_time_seconds', [-1, 21, False, 0.5, '20', None], [0, 20]),
        ('visibility_timeout', [0, -1, 43_201, True, 30.0, '30'], [1, 43_200]),
    ],
)
def test_numbers_within_the_limits_of_sqs_are_accepted(
    make: Make, name: str, refused: list[Any], accepted: list[int]
) -> None:
    for number in refused:
        with pytest.raises(ConfigurationError, match=name):
            make(**{name: number})
    for number in accepted:
        assert getattr(make(**{name: number}), name) == number


@pytest.mark.parametrize(
    ('settings', 'reason'),
    [
        ({'unhandled': 'ignore'}, "unhandled='ignore'"),
        ({'unhandled': None}, 'unhandled=None'),
        ({'unmatched': 'ignore'}, "unmatched='ignore'"),
        ({'unmatched': 'dead_letter'}, "unmatched='dead_letter'"),
        ({'unmatched': 'dead-letter'}, 'dead_letter_queue_url='),
        ({'unmatched': 'leave', 'queue_url': FIFO_QUEUE_URL}, 'FIFO'),
        (
            {'unmatched': 'leave', 'queue_url': FIFO_QUEUE_URL,
             'dead_letter_queue_url': DEAD_LETTERS},
            'FIFO',
        ),
        ({'dead_letter_queue_url': ''}, 'dead_letter_queue_url'),
        (
            {'queue_url': QUEUE_URL, 'dead_letter_queue_url': QUEUE_URL},
            'another queue',
        ),
        ({'concurrency': 0}, 'concurrency=0: must be 1 to 1,000'),
        ({'concurrency': 1_001}, 'concurrency=1001: must be 1 to 1,000'),
        ({'concurrency': True}, 'concurrency=True'),
        ({'max_processing_time': -1}, 'max_processing_time=-1'),
        ({'max_processing_time': '5'}, "max_processing_time='5'"),
        ({'max_processing_time': float('nan')}, 'max_processing_time=nan'),
        ({'grace_period': 43_201}, 'grace_period=43201'),
        ({'grace_period': True}, 'grace_period=True'),
        ({'grace_period': None}, 'grace_period=None'),
        ({'hooks': [Plain]}, 'is not a hook'),
    ],
    ids=str,
)  # fmt: skip
def test_invalid_settings_are_rejected(make: Make, settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        make(**settings)


@pytest.mark.parametrize(
    'settings',
    [
        {'unmatched': 'leave'},
        {'unmatched': 'dead-letter', 'dead_letter_queue_url': DEAD_LETTERS},
        {'unmatched': 'delete', 'queue_url': FIFO_QUEUE_URL},
        {'unhandled': 'retry', 'unmatched': None, 'dead_letter_queue_url': None},
        {'concurrency': 1_000, 'max_processing_time': None, 'grace_period': 0},
        {'concurrency': 1, 'max_processing_time': 0.5, 'grace_period': 0.5},
    ],
    ids=str,
)
def test_valid_settings_are_accepted(make: Make, settings: dict[str, Any]) -> None:
    make(**settings)  # it raises no exception


def test_a_subscriber_that_is_not_registered_cannot_be_unregistered(make: Make) -> None:
    listener = make(subscribers=[Plain])
    with pytest.raises(ConfigurationError, match='TakesAnything is not registered'):
        listener.unregister_subscriber(TakesAnything)
    with pytest.raises(ConfigurationError, match="'Plain' is not registered"):
        listener.unregister_subscriber('Plain')  # type: ignore[arg-type]  # wrong on purpose


def test_the_only_subscriber_cannot_be_unregistered(make: Make) -> None:
    """A running listener would treat all further messages as unmatched, and delete them."""
    listener = make(subscribers=[Plain])
    with pytest.raises(ConfigurationError, match=r'Plain is the only subscriber: .* another'):
        listener.unregister_subscriber(Plain)
    assert listener.subscribers == (Plain,)


def test_a_subscriber_that_was_unregistered_may_be_registered_again(make: Make) -> None:
    listener = make(subscribers=[Plain, TakesAnything])
    listener.unregister_subscriber(Plain)
    assert list(listener.subscribers) == [TakesAnything]
    listener.register_subscriber(Plain)
    assert listener.subscribers == (TakesAnything, Plain)


def test_a_running_listener_does_not_pass_messages_to_a_subscriber_that_was_unregistered() -> None:
    bus, seen = Bus(), list[object]()
    listener = listener_on(bus, bus.queue('orders'))
    audit = subscriber(None, seen, called='Audit')

    def close(payload: object) -> None:
        if payload == 'close':
            listener.unregister_subscriber(audit)

    listener.register_subscriber(subscriber(close, called='Closes'))
    listener.register_subscriber(audit)
    send(bus, listener.queue_url, 'order 1', 'close', 'order 2')
    bus.run(listener)
    assert seen == ['order 1', 'close']
    assert listener.stats().deleted == 3
