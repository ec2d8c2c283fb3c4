"""Messages through real subscriptions with a filter policy: what is wanted comes, and little else.

What the local servers say of a rule is theirs: `tests/match/sns.py` has what AWS says.
"""

from __future__ import annotations

import json
import random
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from benchmarks.sqs_server import Server
from mega.aws._messages.attributes import to_aws, with_filter_attributes
from mega.aws.sns import FilterPolicy, SnsPublisher, to_filter_policy
from mega.aws.sqs.subscribe import DataSubscriber, EventSubscriber, MessageSubscriber, SqsListener
from mega.codec import AnyPayload, encode
from mega.errors import ConfigurationError, EncodeError, PublishError
from mega.event import PayloadBuilder
from mega.match import evaluate
from mega.match.functions import contains, gt, match, not_, one_of, prefix, substring, suffix
from tests.aws._publishing.batches import EACH_SERVICE, Clients, publisher
from tests.aws.payloads import CASES
from tests.local_aws import LocalAws, Service

BOTH = {'kind': 'event.name', 'domain': 'event.domain'}


class Paid(EventSubscriber):
    domain = 'shop'
    name = one_of('order:paid', 'order:sent')

    def process(self, payload: Any) -> None: ...


class Logins(EventSubscriber):
    domain = 'shop'
    name = match(r'user:login:\w+')
    attributes = {'attempts': gt(2)}

    def process(self, payload: Any) -> None: ...


class Photos(DataSubscriber):
    pattern = {'file': suffix('.png'), 'owner': {'name': not_('test'), 'group': prefix('eu-')}}

    def process(self, payload: Any) -> None: ...


class Tagged(DataSubscriber):
    pattern = {'tags': contains('new'), 'title': substring('sale')}

    def process(self, payload: Any) -> None: ...


def payloads(count: int, seed: int) -> list[AnyPayload]:
    """Events and data objects of which every subscriber wants some."""
    chance = random.Random(seed)
    names = ('order:paid', 'order:sent', 'order:lost', 'user:login:web', 'user:logout', 'x')
    made: list[AnyPayload] = []
    for number in range(count):
        if number % 2:
            event = PayloadBuilder().with_event(
                domain=chance.choice(('shop', 'shop', 'user')),
                name=chance.choice(names),
                attempts=chance.randrange(6),
            )
            made.append(event.build())
        else:
            made.append(
                {
                    'file': chance.choice(('a.png', 'b.jpg', '.png', 'c')),
                    'owner': {'name': chance.choice('abc'), 'group': chance.choice(('eu-1', 'us'))},
                    'tags': chance.sample(['new', 'old', 'gift'], chance.randrange(1, 4)),
                    'title': chance.choice(('a sale', 'sale', 'a gift')),
                    'number': number,
                }
            )
    return made


def is_wanted(payload: AnyPayload, wanting: list[type[MessageSubscriber]]) -> bool:
    return any(
        isinstance(payload, each.payload_kind) and evaluate(payload, each.wants) for each in wanting
    )


def subscribed(aws: LocalAws, policy: FilterPolicy) -> tuple[str, str]:
    """A topic's ARN, and the URL of a queue that gets of it what the policy lets through."""
    topic_arn, queue_url = aws.create_topic(), aws.create_queue()
    aws.subscribe(topic_arn, queue_url, raw=True, **policy.subscription_attributes)
    return topic_arn, queue_url


def arrived(aws: LocalAws, queue_url: str, at_least: int) -> set[str]:
    return {message['Body'] for message in aws.receive(queue_url, at_least=at_least)}


@pytest.mark.parametrize(
    ('wanting', 'attributes', 'binary'),
    [
        pytest.param([Paid], None, False, id='events'),
        pytest.param([Photos], None, False, id='data'),
        pytest.param(
            [Paid, Logins, Tagged, Photos],
            None,
            False,
            id='all of them',
            marks=pytest.mark.cannot(moto='takes $or in a body for a key'),
        ),
        pytest.param(
            [Tagged],
            None,
            False,
            id='wildcards',
            marks=pytest.mark.cannot(moto='knows no wildcard'),
        ),
        pytest.param([Paid], BOTH, False, id='attributes'),
        pytest.param([Paid, Logins], BOTH, True, id='attributes of BSON'),
    ],
)
def test_through_a_subscription_comes_all_that_is_wanted_and_less_than_all(
    wanting: list[type[MessageSubscriber]], attributes: Any, binary: bool, aws: LocalAws
) -> None:
    """Two hundred messages each, of which the policy itself says which come."""
    made = to_filter_policy(wanting, attributes=attributes)
    assert made.policy is not None
    topic_arn, queue_url = subscribed(aws, made)
    sent = payloads(200, seed=len(wanting))
    SnsPublisher(topic_arn, client=aws.client('sns')).publish_batch(
        sent, binary, filter_attributes=attributes
    )
    wanted = {encode(payload, binary) for payload in sent if is_wanted(payload, wanting)}
    passing = {encode(payload, binary) for payload in sent if made.lets_through(payload)}
    assert 5 < len(wanted) <= len(passing) < 150
    came = arrived(aws, queue_url, at_least=len(wanted))
    assert wanted <= came
    assert came <= passing


def test_a_policy_can_be_set_later_and_taken_away(aws: LocalAws) -> None:
    topic_arn, queue_url = aws.create_topic(), aws.create_queue()
    subscription = aws.subscribe(topic_arn, queue_url, raw=True)
    sns = aws.client('sns')
    to_topic = SnsPublisher(topic_arn, client=sns)

    def comes(payload: AnyPayload) -> bool:
        to_topic.publish(payload)
        to_topic.publish({'a': 'last'})
        return encode(payload) in arrived(aws, queue_url, at_least=1)

    for wanted, passes in (({'a': one_of('x', 'last')}, False), (lambda payload: True, True)):
        attributes = to_filter_policy(wanted).subscription_attributes
        for name, value in attributes.items():
            sns.set_subscription_attributes(
                SubscriptionArn=subscription, AttributeName=name, AttributeValue=value
            )
        assert comes({'a': 'y'}) is passes


def test_a_listener_has_a_policy(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    with SqsListener(queue_url, [Paid, Photos], client=aws.client('sqs')) as listener:
        assert listener.subscribers == (Paid, Photos)
        assert to_filter_policy(listener) == to_filter_policy(Paid, Photos)


# ── the attributes that publishers set ───────────────────────────────────────────────────────────


def fields_of(payload: AnyPayload, *paths: str) -> dict[str, Any]:
    """What is set for paths, by attribute."""
    return to_aws(with_filter_attributes(None, paths, payload))


@pytest.mark.parametrize(
    ('value', 'kind', 'text'),
    [
        ('x', 'String', 'x'),
        (5, 'Number', '5'),
        (19.99, 'Number', '19.99'),
        (Decimal('1.50'), 'Number', '1.50'),
        (10**130, 'String', str(10**130)),
        (True, 'String.Array', '[true]'),
        (None, 'String.Array', '[null]'),
        ('a\x00', 'String.Array', '["a\\u0000"]'),
        ('\ud800', 'String.Array', '["\\ud800"]'),
        (['a', 5, 2.5, None, False], 'String.Array', '["a",5,2.5,null,false]'),
        ([{'a': 1}, 'a', ['b', [2]], Decimal('1.50')], 'String.Array', '["a","b",2,1.50]'),
        (datetime(2020, 5, 4, 12, tzinfo=timezone.utc), 'String', '2020-05-04T12:00:00.000'),
        (UUID(int=5), 'String', '00000000-0000-0000-0000-000000000005'),
        ([UUID(int=5)], 'String.Array', '["00000000-0000-0000-0000-000000000005"]'),
    ],
    ids=repr,
)
def test_a_field_is_set_as_what_sns_compares(value: Any, kind: str, text: str) -> None:
    assert fields_of({'a': value}, 'a') == {'a': {'DataType': kind, 'StringValue': text}}


@pytest.mark.parametrize('value', ['', b'x', {}, {'b': 1}, [], [{}], [[]]], ids=repr)
def test_what_can_be_no_attribute_sets_none(value: Any) -> None:
    assert fields_of({'a': value}, 'a', 'missing', 'a.b.c') == {}


@pytest.mark.parametrize('payload', ['a text', b'a blob'])
def test_texts_and_blobs_have_no_fields(payload: AnyPayload) -> None:
    assert fields_of(payload, 'a') == {}


def test_fields_of_an_event_are_those_of_its_normal_form() -> None:
    event = {'name': 'e', 'timestamp': '2020-05-04T12:00:00+02:00', 'a': 'x'}
    found = fields_of(
        {'protocol': 'mega', 'version': '1', 'event': event},
        'event.version', 'event.timestamp', 'event.attributes.a', 'event.a',
    )  # fmt: skip
    assert {name: attribute['StringValue'] for name, attribute in found.items()} == {
        'event_version': '1',
        'event_timestamp': '2020-05-04T10:00:00.000',
        'event_attributes_a': 'x',
    }


@EACH_SERVICE
def test_every_way_to_publish_sets_them(service: Service, server: Server, clients: Clients) -> None:
    to = publisher(server, clients, service)
    wanted: dict[str, Any] = {'filter_attributes': {'kind': 'type'}}
    mine = {'message_attributes': {'tenant': 'a'}}
    to.publish({'type': 'one'}, **wanted, **mine)
    to.publish({'type': 'two'}, True, **wanted, **mine)
    to.publish_batch([{'type': 'three'}], **wanted, **mine)
    with to.buffer() as buffer:
        buffer.publish({'type': 'four'}, **wanted, **mine)
    kinds = [accepted.attributes['kind']['StringValue'] for accepted in server.accepted()]
    assert kinds == ['one', 'two', 'three', 'four']
    assert {accepted.attributes['tenant']['StringValue'] for accepted in server.accepted()} == {'a'}


@EACH_SERVICE
def test_they_are_checked_as_others_are(service: Service, server: Server, clients: Clients) -> None:
    to = publisher(server, clients, service)
    payload = {f'f{n}': n for n in range(10)}
    with pytest.raises(EncodeError, match='the limit is 10'):
        to.publish(payload, filter_attributes=list(payload), message_attributes={'a': 'b'})
    with pytest.raises(EncodeError, match=r'message_attributes\.f1 .*another name'):
        to.publish(payload, filter_attributes=['f1'], message_attributes={'f1': 'b'})
    with pytest.raises(EncodeError, match='MegaPayloadType'):
        to.publish(payload, filter_attributes={'MegaPayloadType': 'f1'})
    with pytest.raises(EncodeError, match='the name'):
        to.publish(payload, filter_attributes={'a b': 'f1'})
    with pytest.raises(ConfigurationError, match='filter_attributes'):
        to.publish(payload, filter_attributes='f1')
    with pytest.raises(PublishError, match='filter_attributes'):
        to.publish_batch([payload], filter_attributes='f1')
    assert server.accepted() == []


@pytest.mark.parametrize('name', CASES)
def test_a_payload_arrives_as_it_would_without_them(name: str) -> None:
    """Whatever it is, they are read from it, and it is left as it was."""
    case = CASES[name]
    before = encode(case.payload, case.binary)
    json.dumps(fields_of(case.payload, 'event.name', 'type', 'nested', 'price'))
    assert encode(case.payload, case.binary) == before
