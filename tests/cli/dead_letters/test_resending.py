"""A dead letter as a message that is sent again."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mega.aws._messages.limits import MAX_ATTRIBUTES, MAX_BYTES
from mega.cli.dead_letters.letters import read_letter
from mega.cli.dead_letters.resending import outgoing_message
from tests.cli.dead_letters.conftest import text_attribute

ORDERS = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'
FIFO = f'{ORDERS}.fifo'

attributes = st.dictionaries(
    st.sampled_from(
        [*(f'a{n}' for n in range(10)), 'MegaDeadLetter', 'MegaMessageId', 'MegaPayloadType']
    ),
    st.builds(text_attribute, st.text(min_size=1))
    | st.builds(lambda value: {'DataType': 'Binary', 'BinaryValue': value}, st.binary(min_size=1)),
    max_size=10,
)


def letter(body: str, **fields: Any) -> Any:
    return read_letter({'MessageId': 'm-1', 'ReceiptHandle': 'r', 'Body': body, **fields})


@given(st.text(min_size=1), attributes)
def test_only_the_attributes_of_the_library_change(body: str, given: dict[str, Any]) -> None:
    outgoing = outgoing_message(letter(body, MessageAttributes=given), ORDERS)
    own = {'MegaDeadLetter', 'MegaMessageId'}
    assert outgoing.body == body
    assert {name: value for name, value in outgoing.attributes.items() if name not in own} == {
        name: value for name, value in given.items() if name not in own
    }
    assert 'MegaDeadLetter' not in outgoing.attributes
    assert len(outgoing.attributes) <= MAX_ATTRIBUTES
    assert ('MegaMessageId' in outgoing.attributes) == (len(given.keys() - own) < MAX_ATTRIBUTES)
    assert outgoing.options == {}


@given(st.text(min_size=1), attributes)
def test_each_attempt_has_the_same_deduplication_id(body: str, given: dict[str, Any]) -> None:
    first, second = (
        letter(
            body,
            MessageAttributes=given,
            Attributes={'ApproximateReceiveCount': count, 'MessageGroupId': 'g'},
        )
        for count in ('1', '2')
    )
    options = outgoing_message(first, FIFO).options
    assert options == outgoing_message(second, FIFO).options
    edited = letter(f'{body}x', MessageAttributes=given, Attributes={'MessageGroupId': 'g'})
    changed = outgoing_message(edited, FIFO).options
    assert changed['MessageDeduplicationId'] != options['MessageDeduplicationId']
    assert changed['MessageGroupId'] == options['MessageGroupId'] == 'g'


def test_a_message_without_a_group_is_a_group_of_its_own_on_a_fifo_queue() -> None:
    assert outgoing_message(letter('b'), FIFO).options['MessageGroupId'] == 'm-1'


def test_a_full_message_is_sent_without_its_first_id() -> None:
    body = 'x' * MAX_BYTES
    outgoing = outgoing_message(letter(body), ORDERS)
    assert (outgoing.attributes, outgoing.size) == ({}, MAX_BYTES)
