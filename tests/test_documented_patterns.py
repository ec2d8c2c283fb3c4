"""The documented subscribers match their documents, and no document with one wrong leaf."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mega.aws.sqs.subscribe import MessageSubscriber
from mega.codec import AnyPayload, decode, encode
from mega.match import evaluate
from tests.documented import define
from tests.event.examples import ITEM_ADDED, USER_LOGIN

pytestmark = pytest.mark.no_cover  # other tests run the same lines

ABSENT = object()

NOTIFICATION: dict[str, Any] = {
    'type': 'user:notification:email',
    'notification_type': 'email',
    'ts': 1592163068,
    'user': {
        'id': 987650,
        'first_name': 'John',
        'email': 'johndoe_86@example.com',
        'template': 'password_changed',
    },
    'meta': {'generated_by': 'user_service', 'ip_address': '177.182.215.204'},
}

TEMPLATES = {'password_changed': 'Dear customer', 'blank': ''}

SUBSCRIBERS: dict[str, type[MessageSubscriber]] = define(
    'A subscriber of events',
    'A subscriber of data objects',
    'A subscriber of objects of events',
    TemplateRepository=TEMPLATES,
    Inventory=None,
)
DOCUMENTS = {
    'ShoppingCartItemAdded': ITEM_ADDED,
    'UserNotification': NOTIFICATION,
    'UserLogin': USER_LOGIN,
}

# For each leaf, the values that the subscriber must refuse, and those it must accept.
LEAVES: dict[tuple[str, str], tuple[list[object], list[object]]] = {
    ('ShoppingCartItemAdded', 'event.domain'): (['cart', 'Shopping_Cart', ABSENT], []),
    ('ShoppingCartItemAdded', 'event.name'): (['item.removed', 'item.added.twice'], []),
    ('ShoppingCartItemAdded', 'event.version'): ([0, 3], [1, 2, ABSENT]),
    ('ShoppingCartItemAdded', 'event.item_id'): (['', None, [], ABSENT], ['a', 0]),
    ('ShoppingCartItemAdded', 'event.quantity'): (
        [0, -1, '0', 'five', True, None, [5], ABSENT],
        [1, 0.5, '5'],
    ),
    ('UserNotification', 'type'): (
        ['user_notification', 'a user:notification:', 'User:Notification:email', None, ABSENT],
        ['user:notification:', 'user:notification:sms'],
    ),
    ('UserNotification', 'notification_type'): (
        ['fax', 'Email', ['email'], ABSENT],
        ['sms', 'push'],
    ),
    ('UserNotification', 'user'): ([None, 'John', [], {}, ABSENT], []),
    ('UserNotification', 'user.id'): ([0, -1, '0', 'x', None, ABSENT], [1, '987650']),
    ('UserNotification', 'user.email'): (
        ['test@example.com', 'test@', ABSENT],
        ['latest@example.com', None],
    ),
    ('UserNotification', 'user.template'): (['unknown', 'blank', '', None, ABSENT], []),
    ('UserNotification', 'meta'): ([], [None, {}, ABSENT]),
    ('UserLogin', 'event.domain'): (['users', 'User', ABSENT], []),
    ('UserLogin', 'event.name'): (['user:logout:web', 'a user:login:web'], ['user:login:']),
    ('UserLogin', 'event.version'): ([], [2, 99, ABSENT]),
    ('UserLogin', 'event.subject'): (['', 'john', '987650x', '-1', None, ABSENT], ['0']),
    ('UserLogin', 'event.attributes'): ([{}, None, ABSENT], []),
    ('UserLogin', 'event.attributes.success'): ([False, 1, 'true', [True], None, ABSENT], []),
    ('UserLogin', 'event.attributes.attempts'): ([2, '2', True, None, ABSENT], [3, '3', 2.5]),
    ('UserLogin', 'object'): ([None, {}, ABSENT], []),
    ('UserLogin', 'object.type'): (['account', None, ABSENT], []),
    ('UserLogin', 'object.version'): ([0, 4], [1, 3, ABSENT]),
    ('UserLogin', 'object.current'): ([{}, None, ABSENT], []),
    ('UserLogin', 'object.current.email'): (['', None, ABSENT], ['x']),
    ('UserLogin', 'object.current.username'): (['test', 'synthetic', ABSENT], ['tester', None]),
    ('UserLogin', 'object.current.created_at'): (
        ['2019-12-31T23:59:59.999', '2020-01-01T00:00:00+01:00', 'lately', 2020, None, ABSENT],
        ['2020-01-01', '2020-01-01T00:00:00', '2019-12-31T23:00:00-01:00'],
    ),
    ('UserLogin', 'extra'): ([], [None, {}, ABSENT]),
}


def with_value(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Copy a document, and set or delete the value at a path."""
    changed = copy.deepcopy(document)
    *parents, key = path.split('.')
    place = changed
    for parent in parents:
        place = place[parent]
    if value is ABSENT:
        del place[key]
    else:
        place[key] = value
    return changed


def matches(name: str, payload: AnyPayload) -> bool:
    """Return whether a subscriber would receive a payload."""
    subscriber = SUBSCRIBERS[name]
    return isinstance(payload, subscriber.payload_classes) and evaluate(
        payload, subscriber.compiled_pattern
    )


def changes(position: int) -> list[Any]:
    return [
        pytest.param(
            name, path, value, id=f'{name}-{path}-{"absent" if value is ABSENT else value!r}'
        )
        for (name, path), values in LEAVES.items()
        for value in values[position]
    ]


@pytest.mark.parametrize('binary_encoding', [False, True], ids=['json', 'bson'])
@pytest.mark.parametrize('name', DOCUMENTS)
def test_a_subscriber_matches_its_document(name: str, binary_encoding: bool) -> None:
    assert matches(name, decode(encode(DOCUMENTS[name], binary_encoding)))


@pytest.mark.parametrize('document', DOCUMENTS)
@pytest.mark.parametrize('name', DOCUMENTS)
def test_a_subscriber_matches_no_other_document(name: str, document: str) -> None:
    assert matches(name, decode(encode(DOCUMENTS[document]))) == (name == document)


@pytest.mark.parametrize(('name', 'path', 'value'), changes(0))
def test_a_subscriber_refuses_a_document_with_one_wrong_leaf(
    name: str, path: str, value: object
) -> None:
    assert not matches(name, decode(encode(with_value(DOCUMENTS[name], path, value))))


@pytest.mark.parametrize(('name', 'path', 'value'), changes(1))
def test_a_subscriber_accepts_values_that_its_pattern_leaves_open(
    name: str, path: str, value: object
) -> None:
    assert matches(name, decode(encode(with_value(DOCUMENTS[name], path, value))))
