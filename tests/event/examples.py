"""The example documents of the protocol, as they are on the wire."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from mega.event import Payload, PayloadBuilder

__all__ = (
    'ITEM_ADDED',
    'MOMENT',
    'NOTIFICATION',
    'USER_LOGIN',
    'document',
    'item_added',
    'user_created',
)

MOMENT = datetime(2020, 5, 4, 15, 53, 23, 123_000, tzinfo=timezone.utc)

# A data object, not an event.
NOTIFICATION: dict[str, Any] = {
    'type': 'user_notification',
    'notification_type': 'email',
    'user': {'id': 987650, 'email': 'johndoe_86@example.com'},
}

# The attributes `item_id` and `quantity` are inline.
ITEM_ADDED: dict[str, Any] = {
    'protocol': 'mega',
    'version': 1,
    'event': {
        'domain': 'shopping_cart',
        'name': 'item.added',
        'version': 2,
        'timestamp': '2020-05-04T15:53:23.123',
        'subject': '987650',
        'publisher': 'shopping-cart-service',
        'item_id': '61fcc874-624e-40f8-8fd7-0e663c7837e8',
        'quantity': 5,
    },
}

# The version is a text, and the attributes are nested.
USER_LOGIN: dict[str, Any] = {
    'protocol': 'mega',
    'version': '1',
    'event': {
        'domain': 'user',
        'name': 'user:login:web',
        'version': 1,
        'timestamp': '2020-06-12T17:29:58.000',
        'subject': '987650',
        'publisher': 'login-api',
        'attributes': {'email': 'johndoe_86@example.com', 'success': True, 'attempts': 4},
    },
    'object': {
        'type': 'user',
        'id': '987650',
        'version': 2,
        'current': {
            'id': 987650,
            'username': 'john-doe',
            'email': 'johndoe_86@example.com',
            'created_at': '2020-03-28T15:23:01',
            'updated_at': '2020-05-18T16:12:59',
            'last_login': '2020-06-02T05:38:43',
        },
    },
    'extra': {
        'ip_address': '2804:14c:5ba9:b067:70cc:9baa:5287:19b3',
        'fingerprint': 'MmRkMDczMmItMWJlOS00ZjRmLThlYjEtNmJhNjhjMmY1OWMzCg==',
    },
}


def user_created() -> PayloadBuilder:
    """Return the smallest example: a name, a subject, an attribute, an object without a type."""
    return (
        PayloadBuilder()
        .with_event(name='user.created', subject='987650', email='johndoe_86@example.com')
        .with_object(current={'id': 987650, 'username': 'john.doe', 'birthdate': '1986-02-15'})
    )


def item_added() -> Payload:
    """Return the largest example: every field of the payload is set."""
    builder = PayloadBuilder()
    builder.with_event(
        domain='shopping_cart',
        name='item.added',
        version=1,
        timestamp=MOMENT,
        subject='987650',
        publisher='shopping-cart-service',
        item_id='61fcc874-624e-40f8-8fd7-0e663c7837e8',
        quantity=5,
        price='19.99',
    )
    builder.with_object(
        type='shopping_cart',
        id='18a3f92e-1fbf-45eb-8769-d836d0a1be55',
        version=2,
        current=_cart(10, '377.37'),
        previous=_cart(5, '277.42'),
    )
    builder.with_extra(channel='web/desktop', user_ip_address='177.182.205.103')
    return builder.build()


def _cart(quantity: int, value: str) -> dict[str, Any]:
    return {
        'id': '18a3f92e-1fbf-45eb-8769-d836d0a1be55',
        'user_id': 987650,
        'items': [
            {
                'id': '61fcc874-624e-40f8-8fd7-0e663c7837e8',
                'price': '19.99',
                'quantity': quantity,
            },
            {'id': '3c7f8798-1d3d-47de-82dd-c6c5e0de74ee', 'price': '102.50', 'quantity': 1},
        ],
        'currency': 'USD',
        'value': value,
        'updated_at': '2020-05-04T15:52:01.000',
    }


def document(event: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    """Return a small valid document, updated with the given fields."""
    named = {'name': 'item.added', 'timestamp': '2020-05-04T15:53:23.123'}
    return {'protocol': 'mega', 'version': 1, 'event': {**named, **(event or {})}, **rest}
