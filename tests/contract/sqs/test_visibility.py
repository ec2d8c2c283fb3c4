"""Visibility timeouts."""

from __future__ import annotations

import pytest

from tests.contract.backend import Backend, bodies, refused

MAXIMUM = 43_200  # seconds; source: model, ChangeMessageVisibility: 12 hours in total


def test_a_message_is_visible_again_when_its_timeout_ends(aws: Backend) -> None:
    """Source: model, CreateQueue, VisibilityTimeout."""
    url = aws.queue(VisibilityTimeout=1)
    aws.send(url, 'hej')
    aws.receive_one(url)
    assert aws.is_empty(url)
    aws.advance(1.1)
    assert aws.receive_one(url)['Body'] == 'hej'


def test_a_receive_may_have_its_own_timeout(aws: Backend) -> None:
    """Source: model, ReceiveMessage, VisibilityTimeout."""
    url = aws.queue(VisibilityTimeout=0)
    aws.send(url, 'hej')
    aws.receive_one(url, VisibilityTimeout=1)
    assert aws.is_empty(url)
    aws.advance(1.1)
    assert aws.receive_one(url)['Body'] == 'hej'


def test_a_timeout_of_0_hides_nothing(aws: Backend) -> None:
    """Source: model, quotas: 0 to 43,200 seconds."""
    url = aws.queue()
    aws.send(url, 'hej')
    aws.receive_one(url, VisibilityTimeout=0)
    assert aws.receive_one(url)['Body'] == 'hej'


def test_a_timeout_can_be_extended(aws: Backend) -> None:
    """Source: model, ChangeMessageVisibility."""
    url = aws.queue(VisibilityTimeout=1)
    aws.send(url, 'hej')
    aws.change_visibility(url, aws.receive_one(url), 60)
    aws.advance(1.1)
    assert aws.is_empty(url)


def test_a_change_counts_from_now(aws: Backend) -> None:
    """Source: model, ChangeMessageVisibility: the seconds begin to count from the call."""
    url = aws.queue(VisibilityTimeout=60)
    aws.send(url, 'hej')
    message = aws.receive_one(url)
    aws.advance(15)
    aws.change_visibility(url, message, 10)
    aws.advance(8)
    assert aws.is_empty(url)
    aws.advance(3)
    assert aws.receive_one(url)['Body'] == 'hej'


def test_a_change_to_0_makes_a_message_visible(aws: Backend) -> None:
    """Source: guide, visibility timeout: terminating the timeout of a message."""
    url = aws.queue()
    aws.send(url, 'hej')
    aws.change_visibility(url, aws.receive_one(url), 0)
    again = aws.receive_one(url)
    assert again['Body'] == 'hej'
    assert again['Attributes']['ApproximateReceiveCount'] == '2'


def test_a_change_concerns_one_receive(aws: Backend) -> None:
    """Source: model, ChangeMessageVisibility: the next receive has the original timeout."""
    url = aws.queue(VisibilityTimeout=1)
    aws.send(url, 'hej')
    message = aws.receive_one(url)
    aws.change_visibility(url, message, 60)
    aws.change_visibility(url, message, 0)
    aws.receive_one(url)
    aws.advance(1.1)
    assert aws.receive_one(url)['Body'] == 'hej'


@pytest.mark.parametrize('seconds', [-1, MAXIMUM + 1])
def test_a_change_out_of_range_is_refused(aws: Backend, seconds: int) -> None:
    """Source: model, ChangeMessageVisibility: 0 to 43,200 seconds."""
    url = aws.queue()
    aws.send(url, 'hej')
    with refused('InvalidParameterValue'):
        aws.change_visibility(url, aws.receive_one(url), seconds)


def test_a_message_is_hidden_for_12_hours_in_total(aws: Backend) -> None:
    """Source: model, ChangeMessageVisibility: more than the time left is an error."""
    url = aws.queue()
    aws.send(url, 'hej')
    message = aws.receive_one(url, VisibilityTimeout=600)
    aws.advance(1.1)
    aws.change_visibility(url, message, MAXIMUM - 100)
    with refused('InvalidParameterValue'):
        aws.change_visibility(url, message, MAXIMUM)


def test_the_12_hours_begin_again_with_each_receive(aws: Backend) -> None:
    """Source: guide, visibility timeout: 12 hours from the time of the ReceiveMessage request."""
    url = aws.queue(VisibilityTimeout=1)
    aws.send(url, 'hej')
    aws.receive_one(url)
    aws.advance(3_600)
    aws.change_visibility(url, aws.receive_one(url), MAXIMUM - 1)


def test_a_message_that_is_visible_cannot_be_hidden(aws: Backend) -> None:
    """Source: model, MessageNotInflight."""
    url = aws.queue(VisibilityTimeout=0)
    aws.send(url, 'hej')
    with refused('MessageNotInflight', 'AWS.SimpleQueueService.MessageNotInflight'):
        aws.change_visibility(url, aws.receive_one(url), 60)


def test_a_deleted_message_cannot_be_hidden(aws: Backend) -> None:
    """Source: known: it does not exist or is not available; the code is not documented."""
    url = aws.queue()
    aws.send(url, 'hej')
    message = aws.receive_one(url)
    aws.delete(url, message)
    with refused():
        aws.change_visibility(url, message, 60)


def test_an_invalid_handle_cannot_change_a_timeout(aws: Backend) -> None:
    """Source: model, ReceiptHandleIsInvalid."""
    with refused('ReceiptHandleIsInvalid'):
        aws.change_visibility(aws.queue(), {'ReceiptHandle': 'x'}, 60)


def test_visible_messages_are_received_while_others_are_hidden(aws: Backend) -> None:
    """Source: guide, visibility timeout."""
    url = aws.queue()
    aws.send(url, 'a')
    aws.receive_one(url)
    aws.send(url, 'b')
    assert bodies(aws.receive(url)) == ['b']
