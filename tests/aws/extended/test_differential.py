"""Random calls to an extended client and to a real library leave the same behind.

Both work on one server, each with its own queue and bucket. After the same calls, the queues have
the same messages on the wire, and the buckets the same objects. Only the form of the pointer and
the random keys differ. The calls avoid the gaps of the libraries, which test_gaps.py shows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aws.extended.peer_clients import PeerClient
from tests.aws.extended.place import LARGE, Place, attribute
from tests.aws.s3.making import create_bucket
from tests.aws.s3.matrix import AMAZON_SQS, EXT_CLIENT
from tests.aws.s3.matrix import POINTER_CLASS as PLAIN
from tests.aws.s3.peers import Peers
from tests.local_aws import LocalAws
from tests.profile import amount

pytestmark = pytest.mark.no_cover

Call: TypeAlias = tuple[str, Any]
"""The name of a step of `Run`, and its argument."""

TEXT = st.text(
    st.characters(codec='utf-8', exclude_categories=('Cc', 'Cs', 'Cn', 'Co')), max_size=60
)
VALUES = TEXT.filter(bool).map(attribute)
NUMBERS = st.integers(-999, 999).map(lambda n: {'DataType': 'Number', 'StringValue': f'{n}'})
NAMES = st.from_regex(r'[A-Za-z][A-Za-z0-9_-]{0,8}', fullmatch=True)
ATTRIBUTES = st.dictionaries(NAMES, VALUES | NUMBERS, max_size=3)
KEYS = st.sampled_from([None, 'key', 'a/b c', 'ü'])


def calls(bodies: st.SearchStrategy[str], keys: st.SearchStrategy[str | None]) -> Any:
    message = st.tuples(bodies, ATTRIBUTES, keys)
    positions = st.sets(st.integers(0, 5), min_size=1, max_size=3)
    call = (
        st.tuples(st.just('send'), message)
        | st.tuples(st.just('send_batch'), st.lists(message, min_size=1, max_size=3))
        | st.tuples(st.just('receive'), st.none())
        | st.tuples(st.just('delete'), positions)
        | st.tuples(st.just('delete_batch'), positions)
    )
    return st.lists(call, min_size=1, max_size=6)


@dataclass
class Run:
    """One client at work. `seen` is what it returned, and what was on the wire."""

    client: Any
    place: Place
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1_000)))
    held: dict[str, str] = field(default_factory=dict)
    seen: list[object] = field(default_factory=list)

    def message(self, body: str, attributes: dict[str, Any], key: str | None) -> dict[str, Any]:
        """A message with a body, and a key if it has one, that no other message has."""
        number = next(self.numbers)
        chosen = {} if key is None else {'S3Key': attribute(f'{key}-{number}')}
        return {'MessageBody': f'{number}:{body}', 'MessageAttributes': {**attributes, **chosen}}

    def send(self, message: Any) -> None:
        self.client.send_message(QueueUrl=self.place.queue_url, **self.message(*message))

    def send_batch(self, messages: Any) -> None:
        entries = [{'Id': f'{id}', **self.message(*each)} for id, each in enumerate(messages)]
        response = self.client.send_message_batch(QueueUrl=self.place.queue_url, Entries=entries)
        self.seen.append(len(response['Successful']))

    def receive(self, _: object = None) -> None:
        self.seen.append(self.messages_on_the_wire())
        while received := self.receive_some():
            for message in received:
                self.held[message['Body']] = message['ReceiptHandle']
                attributes = message.get('MessageAttributes') or {}
                self.seen.append((message['Body'], sorted(attributes.items())))
        self.seen.sort(key=repr)

    def receive_some(self) -> Any:
        response = self.client.receive_message(
            QueueUrl=self.place.queue_url, MaxNumberOfMessages=10, MessageAttributeNames=['All']
        )
        return response.get('Messages')

    def delete(self, positions: set[int]) -> None:
        for handle in self.chosen(positions):
            self.client.delete_message(QueueUrl=self.place.queue_url, ReceiptHandle=handle)

    def delete_batch(self, positions: set[int]) -> None:
        handles = self.chosen(positions)
        if handles:
            entries = [{'Id': f'{id}', 'ReceiptHandle': each} for id, each in enumerate(handles)]
            url = self.place.queue_url
            response = self.client.delete_message_batch(QueueUrl=url, Entries=entries)
            self.seen.append(len(response['Successful']))

    def chosen(self, positions: set[int]) -> list[str]:
        """The receipt handles of held messages, and forget the messages."""
        bodies = sorted(self.held)
        return [self.held.pop(bodies[each]) for each in positions if each < len(bodies)]

    def messages_on_the_wire(self) -> list[Any]:
        """The visible messages, with the content of the object in place of a pointer."""
        sqs, s3 = self.place.sqs, self.place.aws.client('s3')
        response = sqs.receive_message(
            QueueUrl=self.place.queue_url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=['All'],
            VisibilityTimeout=0,
        )
        found = []
        for message in response.get('Messages', []):
            attributes = message.get('MessageAttributes') or {}
            body: object = message['Body']
            if {'ExtendedPayloadSize', 'SQSLargePayloadSize'} & attributes.keys():
                pointer = json.loads(message['Body'])
                # The pointer of aws-sqs-ext-client has no class.
                kind, location = pointer if isinstance(pointer, list) else (PLAIN, pointer)
                stored = s3.get_object(Bucket=location['s3BucketName'], Key=location['s3Key'])
                body = (kind, stored['Body'].read().decode())
            found.append((body, sorted(attributes.items())))
        return sorted(found, key=repr)

    def outcome(self, steps: list[Call]) -> tuple[object, ...]:
        for name, argument in steps:
            getattr(self, name)(argument)
        self.seen.append(self.messages_on_the_wire())
        counts = self.place.aws.counts(self.place.queue_url)
        return self.seen, sorted(self.held), sorted(self.place.bodies), counts


Compare: TypeAlias = Callable[[list[Call], dict[str, Any], dict[str, object]], None]


@pytest.fixture(scope='module')
def compare(moto: LocalAws, libraries: Peers, request: pytest.FixtureRequest) -> Compare:
    """Make the same calls to both, and compare what they leave."""
    buckets = create_bucket(moto), create_bucket(moto)

    def run(steps: list[Call], ours: dict[str, Any], theirs: dict[str, object]) -> None:
        here, there = (Place(moto, bucket, moto.create_queue()) for bucket in buckets)
        peer = PeerClient(libraries[request.param], moto, there.bucket, theirs)
        left = [run.outcome(steps) for run in (Run(here.client(**ours), here), Run(peer, there))]
        for place in (here, there):
            delete_objects(place)
        assert left[0] == left[1]

    return run


def delete_objects(place: Place) -> None:
    for key in place.keys:
        place.aws.client('s3').delete_object(Bucket=place.bucket, Key=key)


@pytest.mark.parametrize('compare', [AMAZON_SQS], indirect=True)
@settings(max_examples=amount(4, 300))
@given(
    calls(TEXT | st.just(LARGE), KEYS),
    st.fixed_dictionaries(
        {
            'always_through_s3': st.booleans(),
            'use_legacy_attribute': st.booleans(),
            'delete_payload_from_s3': st.booleans(),
        }
    ),
)
def test_random_calls_leave_the_same_as_amazon_sqs_extended_client(
    compare: Compare, steps: list[Call], theirs: dict[str, object]
) -> None:
    names = {
        'always': 'always_through_s3',
        'legacy_attribute': 'use_legacy_attribute',
        'delete': 'delete_payload_from_s3',
    }
    compare(steps, {name: theirs[option] for name, option in names.items()}, theirs)


@pytest.mark.parametrize('compare', [EXT_CLIENT], indirect=True)
@settings(max_examples=amount(4, 300))
@given(calls(TEXT, st.none()), st.booleans(), st.sampled_from([0, 20, 60, 1_000]))
def test_random_calls_leave_the_same_as_aws_sqs_ext_client(
    compare: Compare, steps: list[Call], always: bool, threshold: int
) -> None:
    ours = {'always': always, 'threshold': threshold, 'delete': True}
    theirs: dict[str, object] = {
        'always_through_s3': always,
        'message_size_threshold': threshold,
    }
    compare(steps, ours, theirs)
