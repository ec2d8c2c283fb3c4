"""Real AWS servers on this machine, and what tests ask of them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, TypedDict

import boto3

from tests._server import running

Service: TypeAlias = Literal['sqs', 'sns', 's3']

ACCOUNT_ID = '123456789012'  # moto's, and it has no setting for it
REGION = 'eu-west-1'  # nobody's default, so that a region which got lost shows

_CHECKOUT = Path(__file__).parent.parent
_MINISTACK = Path(
    os.environ.get('MEGA_MINISTACK', _CHECKOUT / '.venv-ministack' / 'bin' / 'ministack')
)
_numbers = count(1)


class Credentials(TypedDict):
    """What a class that talks to AWS takes by keyword, to talk to a local server."""

    aws_access_key_id: str
    aws_secret_access_key: str
    region_name: str
    endpoint_url: str


class Counts(NamedTuple):
    """How many messages a queue has."""

    visible: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class LocalAws:
    """An AWS of one's own. What is made on it has a name of its own, and ends with the server.

    Clients, and so this, may be shared by threads.
    """

    name: str
    endpoint_url: str
    region: str = REGION
    _clients: dict[tuple[Service, str], Any] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def credentials(self) -> Credentials:
        """Keyword arguments that lead here: `SqsPublisher(queue_url=..., **aws.credentials)`."""
        return {
            'aws_access_key_id': 'testing',
            'aws_secret_access_key': 'testing',
            'region_name': self.region,
            'endpoint_url': self.endpoint_url,
        }

    def client(self, service: Service, region_name: str | None = None) -> Any:
        """boto3's client of a service, the same at every call."""
        region = region_name or self.region
        if (service, region) not in self._clients:
            credentials = self.credentials
            credentials['region_name'] = region
            session = boto3.Session()  # the default one is not for threads
            self._clients[service, region] = session.client(service, **credentials)
        return self._clients[service, region]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def create_queue(self, fifo: bool = False, **attributes: object) -> str:
        """A new queue's URL. Attributes have AWS's names: `VisibilityTimeout=1`."""
        response = self.client('sqs').create_queue(
            QueueName=_new_name('queue', fifo), Attributes=_texts(attributes, FifoQueue=fifo)
        )
        return str(response['QueueUrl'])

    def queue_arn(self, queue_url: str) -> str:
        return f'arn:aws:sqs:{self.region}:{ACCOUNT_ID}:{queue_url.rpartition("/")[2]}'

    def redrive_to(self, dead_letter_queue_url: str, after: int) -> dict[str, object]:
        """A queue's `RedrivePolicy`: to the dead-letter queue after so many receives."""
        return {
            'deadLetterTargetArn': self.queue_arn(dead_letter_queue_url),
            'maxReceiveCount': after,
        }

    def create_topic(self, fifo: bool = False, **attributes: object) -> str:
        """A new topic's ARN."""
        response = self.client('sns').create_topic(
            Name=_new_name('topic', fifo), Attributes=_texts(attributes, FifoTopic=fifo)
        )
        return str(response['TopicArn'])

    def subscribe(
        self, topic_arn: str, queue_url: str, raw: bool = False, **attributes: object
    ) -> str:
        """A new subscription's ARN: from now on the topic's messages come to the queue too."""
        response = self.client('sns').subscribe(
            TopicArn=topic_arn,
            Protocol='sqs',
            Endpoint=self.queue_arn(queue_url),
            Attributes=_texts(attributes, RawMessageDelivery=raw),
            ReturnSubscriptionArn=True,
        )
        return str(response['SubscriptionArn'])

    def receive(
        self, queue_url: str, at_least: int = 0, within: float = 5.0, delete: bool = True
    ) -> list[dict[str, Any]]:
        """The messages that a queue gives, as boto3 shows them, and takes them out of it.

        Waits up to `within` seconds, but only until `at_least` so many have come. With
        `delete=False` the messages stay in flight.
        """
        sqs = self.client('sqs')
        messages: list[dict[str, Any]] = []
        deadline = time.monotonic() + within
        while True:
            waits = len(messages) < at_least and time.monotonic() < deadline
            found = sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=int(waits),
                MessageSystemAttributeNames=['All'],
                MessageAttributeNames=['All'],
            ).get('Messages', [])
            messages += found
            for message in found if delete else ():
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message['ReceiptHandle'])
            if not found and not waits:
                return messages

    def counts(self, queue_url: str) -> Counts:
        """How many messages are visible, and how many in flight."""
        names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible']
        found = self.client('sqs').get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return Counts(*(int(found['Attributes'][name]) for name in names))


@contextmanager
def moto(directory: Path) -> Iterator[LocalAws]:
    """moto's server, out of the virtual environment of the tests."""
    command = [sys.executable, '-m', 'moto.server', '-H', '127.0.0.1', '-p', '{port}']
    with (
        running(command, {}, '/moto-api/data.json', directory) as url,
        closing(LocalAws('moto', url)) as aws,
    ):
        yield aws


def missing_ministack() -> str:
    """Why there is no ministack here; empty where there is one."""
    if _MINISTACK.exists():
        return ''
    return f'{_MINISTACK} does not exist: scripts/test installs it'


@contextmanager
def ministack(directory: Path) -> Iterator[LocalAws]:
    """ministack, with everything off that leaves loopback, the directory, or SQS, SNS and S3."""
    environment = {
        'GATEWAY_PORT': '{port}',
        'BIND_HOST': '127.0.0.1',
        'MINISTACK_HOST': '127.0.0.1',  # the host of its queue URLs
        'MINISTACK_ACCOUNT_ID': ACCOUNT_ID,
        'MINISTACK_REGION': REGION,
        'STATE_DIR': str(directory / 'state'),
        'S3_DATA_DIR': str(directory / 's3'),
        'DOCKER_HOST': f'unix://{directory}/no-docker',  # it removes containers when it starts
        'IOT_MTLS_ENABLED': '0',  # a listener on every interface
        'SFTP_ENABLED': '0',  # another
        'LOG_LEVEL': 'WARNING',
    }
    with (
        running([str(_MINISTACK)], environment, '/_ministack/health', directory) as url,
        closing(LocalAws('ministack', url)) as aws,
    ):
        yield aws


def _new_name(kind: str, fifo: bool) -> str:
    return f'{kind}-{next(_numbers)}' + '.fifo' * fifo


def _texts(attributes: dict[str, object], **flags: bool) -> dict[str, str]:
    """Attributes as AWS wants them, all texts. A flag is left out where it is off."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in {**attributes, **{flag: True for flag in flags if flags[flag]}}.items()
    }
