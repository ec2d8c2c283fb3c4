"""The payloads of the demo: three events, two data objects, a text and a blob."""

from __future__ import annotations

from typing import Any

from mega.event import PayloadBuilder

__all__ = (
    'CHECKOUT',
    'ITEM_ADDED',
    'LETTER',
    'NOTHING_ADDED',
    'NOTIFICATION',
    'PICTURE',
    'PUSH_NOTIFICATION',
    'USER_CREATED',
)

ITEM = '61fcc874-624e-40f8-8fd7-0e663c7837e8'
CART = '18a3f92e-1fbf-45eb-8769-d836d0a1be55'


def _cart(quantity: int, updated_at: str, *amounts: str) -> dict[str, Any]:
    names = (
        'value',
        'discount',
        'subtotal',
        'estimated_shipping',
        'estimated_tax',
        'estimated_total',
    )
    return {
        'id': CART,
        'user_id': 987650,
        'items': [
            {'id': ITEM, 'price': '19.99', 'quantity': quantity},
            {'id': '3c7f8798-1d3d-47de-82dd-c6c5e0de74ee', 'price': '102.50', 'quantity': 1},
            {'id': 'bba76edc-8afc-4fde-b4c4-ea58a230c5d6', 'price': '24.99', 'quantity': 3},
        ],
        'currency': 'USD',
        **dict(zip(names, amounts, strict=True)),
        'created_at': '2020-05-03T12:20:23.000',
        'updated_at': updated_at,
    }


def _cart_event(name: str, **attributes: Any) -> PayloadBuilder:
    return PayloadBuilder().with_event(
        domain='shopping_cart',
        name=name,
        subject='987650',
        publisher='shopping-cart-service',
        **attributes,
    )


ITEM_ADDED = (
    _cart_event('item.added', item_id=ITEM, quantity=5, price='19.99')
    .with_object(
        type='shopping_cart',
        id=CART,
        version=2,
        current=_cart(
            *(10, '2020-05-04T15:52:01.000'),
            *('377.37', '20.19', '357.18', '10.00', '33.05', '400.23'),
        ),
        previous=_cart(
            *(5, '2020-05-04T13:47:08.000'),
            *('277.42', '10.09', '267.33', '10.00', '24.96', '302.29'),
        ),
    )
    .with_extra(channel='web/desktop', user_ip_address='177.182.205.103')
    .build()
)

NOTHING_ADDED = _cart_event('item.added', item_id=ITEM, quantity=0).build()
CHECKOUT = _cart_event('checkout').with_object(type='shopping_cart', id=CART).build()

USER_CREATED = (
    PayloadBuilder()
    .with_event(name='user.created', subject='987650', email='johndoe_86@example.com')
    .with_object(
        current={
            'id': 987650,
            'full_name': 'John Doe',
            'username': 'john.doe',
            'email': 'johndoe_86@example.com',
            'ssn': '497279436',
            'birthdate': '1986-02-15',
        }
    )
    .build()
)

NOTIFICATION = {
    'type': 'user_notification',
    'notification_type': 'email',
    'user': {'id': 987650, 'email': 'johndoe_86@example.com'},
}
PUSH_NOTIFICATION = {**NOTIFICATION, 'notification_type': 'push'}

LETTER = '{customer}, thank you for your order!'  # starts like JSON, and arrives as a text
PICTURE = b'\x89PNG\r\n\x1a\n' + bytes(range(48))
