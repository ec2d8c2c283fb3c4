"""An extended client beside the real libraries: each reads and deletes the messages of the others.

The matrix of tests/aws/s3 has the pairs of publishers and listeners.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.extended.peer_clients import PeerClient
from tests.aws.extended.place import LARGE, Place, attribute
from tests.aws.s3.matrix import AMAZON_SQS, EXT_CLIENT
from tests.aws.s3.peers import Peers
from tests.local_aws import LocalAws

pytestmark = pytest.mark.no_cover

ATTRIBUTES = {'tenant': attribute('acme')}
BOTH = pytest.mark.parametrize('library', [AMAZON_SQS, EXT_CLIENT])
DELETING: dict[str, dict[str, object]] = {
    AMAZON_SQS: {'delete_payload_from_s3': True},
    EXT_CLIENT: {},  # it always deletes
}


def pair(library: str, aws: LocalAws, libraries: Peers) -> tuple[Place, Any, PeerClient]:
    """A place, an extended client, and a client of another library; both delete bodies."""
    place = Place.on(aws)
    theirs = PeerClient(libraries[library], aws, place.bucket, DELETING[library])
    return place, place.client(delete=True), theirs


@BOTH
def test_another_library_reads_and_deletes_our_message(
    library: str, moto: LocalAws, libraries: Peers
) -> None:
    place, ours, theirs = pair(library, moto, libraries)
    place.send(ours, MessageAttributes=ATTRIBUTES)
    entries = [{'Id': '1', 'MessageBody': f'{LARGE}1'}, {'Id': '2', 'MessageBody': 'small'}]
    ours.send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    received = {each['Body']: each for each in place.receive(theirs)}
    assert received.keys() == {LARGE, f'{LARGE}1', 'small'}
    assert received[LARGE]['MessageAttributes'] == ATTRIBUTES
    first, *others = (each['ReceiptHandle'] for each in received.values())
    theirs.delete_message(QueueUrl=place.queue_url, ReceiptHandle=first)
    entries = [{'Id': f'{id}', 'ReceiptHandle': each} for id, each in enumerate(others)]
    theirs.delete_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert place.is_empty
    assert not place.keys


@BOTH
def test_an_extended_client_reads_and_deletes_the_message_of_another_library(
    library: str, aws: LocalAws, libraries: Peers
) -> None:
    place, ours, theirs = pair(library, aws, libraries)
    place.send(theirs, MessageAttributes=ATTRIBUTES)
    entries = [
        {'Id': '1', 'MessageBody': f'{LARGE}1', 'MessageAttributes': {}},
        {'Id': '2', 'MessageBody': 'small', 'MessageAttributes': {}},
    ]
    theirs.send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    received = {each['Body']: each for each in place.receive(ours)}
    assert received.keys() == {LARGE, f'{LARGE}1', 'small'}
    assert received[LARGE]['MessageAttributes'] == ATTRIBUTES
    for message in received.values():
        ours.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    assert place.is_empty
    assert not place.keys


@BOTH
def test_an_extended_client_deletes_with_the_receipt_handle_of_another_library(
    library: str, aws: LocalAws, libraries: Peers
) -> None:
    place, ours, theirs = pair(library, aws, libraries)
    place.send(ours)
    [message] = place.receive(theirs)
    handle = message['ReceiptHandle']
    ours.change_message_visibility(
        QueueUrl=place.queue_url, ReceiptHandle=handle, VisibilityTimeout=60
    )
    ours.delete_message(QueueUrl=place.queue_url, ReceiptHandle=handle)
    assert place.is_empty
    assert not place.keys
