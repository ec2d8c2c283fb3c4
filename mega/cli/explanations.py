"""Explanations of subscribers as records: for a payload, and for a received message."""

from __future__ import annotations

from typing import Any

from mega.aws.sns.envelope import SubscriptionNotice
from mega.aws.sqs.message import read_message
from mega.aws.sqs.opening import MissingBody
from mega.aws.sqs.subscribe.listener import SqsListener
from mega.aws.sqs.subscribe.subscribers.subscriber import MessageSubscriber
from mega.cli.message_view import message_record
from mega.cli.output import Record
from mega.errors import MegaError
from mega.match import Explanations

__all__ = ('explained_message', 'explanation_records')


def explanation_records(explanations: Explanations[type[MessageSubscriber]]) -> list[Record]:
    """Return one record per subscriber: its name, whether it matches, and the findings."""
    return [
        {
            'subscriber': subscriber.__name__,
            'matches': explanation.matches,
            'findings': [str(finding) for finding in explanation.findings],
        }
        for subscriber, explanation in explanations
    ]


def explained_message(listener: SqsListener, received: dict[str, Any]) -> Record:
    """Return the record of a message, with the explanation of each subscriber.

    The message is opened as the listener opens it, with its payload store and its allowed topics.
    `subscribers` is empty, and `problem` says why, for a message that the listener would not pass
    to any subscriber.
    """
    record = {**message_record(received), 'matches': False, 'subscribers': []}
    try:
        message, payload = listener._context.opener(read_message(received))
    except MegaError as error:
        return {**record, 'problem': str(error)}
    if isinstance(payload, (SubscriptionNotice, MissingBody)):
        return {**record, 'problem': 'it has no payload'}
    explanations = listener.explain(payload, message)
    return {
        **record,
        'matches': bool(explanations.matching),
        'subscribers': explanation_records(explanations),
    }
