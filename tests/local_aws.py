"""Local AWS servers, and the helpers with which tests use them."""

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

from tests._server import answers_at, running

Service: TypeAlias = Literal['sqs', 'sns', 's3', 'dynamodb']

ACCOUNT_ID = '123456789012'  # moto's account; it cannot be changed per queue
REGION = 'eu-west-1'  # not a default of boto3, so that a lost region becomes visible

_CHECKOUT = Path(__file__).parent.parent
_MINISTACK = Path(
    os.environ.get('MEGA_MINISTACK', _CHECKOUT / '.venv-ministack' / 'bin' / 'ministack')
)
_numbers = count(1)


class Credentials(TypedDict):
    """Keyword arguments that make a client, a publisher or a listener use a local server."""

    aws_access_key_id: str
    aws_secret_access_key: str
    region_name: str
    endpoint_url: str


class Counts(NamedTuple):
    """Numbers of messages in a queue."""

    visible: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class LocalAws:
    """A local AWS server. Queues and topics get unique names, and end with the server.

    Threads may share an instance.
    """

    name: str
    endpoint_url: str
    region: str = REGION
    _clients: dict[tuple[Service, str], Any] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def credentials(self) -> Credentials:
        """Keyword arguments for this server: `SqsPublisher(queue_url, **aws.credentials)`."""
        return {
            'aws_access_key_id': 'testing',
            'aws_secret_access_key': 'testing',
            'region_name': self.region,
            'endpoint_url': self.endpoint_url,
        }

    def client(self, service: Service, region_name: str | None = None) -> Any:
        """Return boto3's client of a service, the same at every call."""
        region = region_name or self.region
        if (service, region) not in self._clients:
            credentials = self.credentials
            credentials['region_name'] = region
            session = boto3.Session()  # threads cannot share the default session
            self._clients[service, region] = session.client(service, **credentials)
        return self._clients[service, region]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def create_queue(self, fifo: bool = False, **attributes: object) -> str:
        """Create a queue; return its URL. Attributes have AWS's names: `VisibilityTimeout=1`."""
        response = self.client('sqs').create_queue(
            QueueName=_new_name('queue', fifo), Attributes=_texts(attributes, FifoQueue=fifo)
        )
        return str(response['QueueUrl'])

    def queue_arn(self, queue_url: str) -> str:
        return f'arn:aws:sqs:{self.region}:{ACCOUNT_ID}:{queue_url.rpartition("/")[2]}'

    def redrive_to(self, dead_letter_queue_url: str, after: int) -> dict[str, object]:
        """Return a `RedrivePolicy`: to the dead-letter queue after this number of receives."""
        return {
            'deadLetterTargetArn': self.queue_arn(dead_letter_queue_url),
            'maxReceiveCount': after,
        }

    def create_topic(self, fifo: bool = False, **attributes: object) -> str:
        """Create a topic, and return its ARN."""
        response = self.client('sns').create_topic(
            Name=_new_name('topic', fifo), Attributes=_texts(attributes, FifoTopic=fifo)
        )
        return str(response['TopicArn'])

    def subscribe(
        self, topic_arn: str, queue_url: str, raw: bool = False, **attributes: object
    ) -> str:
        """Subscribe a queue to a topic, and return the subscription's ARN."""
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
        """Receive and delete messages until the queue is empty. Return them as boto3 does.

        Wait up to `within` seconds for the first `at_least` messages. With `delete=False` the
        messages stay in flight.
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
        """Return the numbers of visible messages and of messages in flight."""
        names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible']
        found = self.client('sqs').get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return Counts(*(int(found['Attributes'][name]) for name in names))


@contextmanager
def moto(directory: Path, account_id: str = ACCOUNT_ID, region: str = REGION) -> Iterator[LocalAws]:
    """Run moto's server from the virtual environment of the tests. It has one account."""
    account = {'MOTO_ACCOUNT_ID': account_id}
    program = str(Path(__file__).with_name('_moto.py'))
    command = [sys.executable, '-I', program, '-H', '127.0.0.1', '-p', '{port}']
    with (
        running(command, account, answers_at('/moto-api/data.json'), directory) as port,
        closing(LocalAws('moto', f'http://127.0.0.1:{port}', region)) as aws,
    ):
        yield aws


def missing_ministack() -> str:
    """Return why ministack cannot run; an empty text if it can."""
    if _MINISTACK.exists():
        return ''
    return f'{_MINISTACK} does not exist: scripts/test installs it'


@contextmanager
def ministack(directory: Path) -> Iterator[LocalAws]:
    """Run ministack with SQS, SNS and S3 alone, on loopback, with its files in the directory."""
    environment = {
        'GATEWAY_PORT': '{port}',
        'BIND_HOST': '127.0.0.1',
        'MINISTACK_HOST': '127.0.0.1',  # the host in its queue URLs
        'MINISTACK_ACCOUNT_ID': ACCOUNT_ID,
        'MINISTACK_REGION': REGION,
        'STATE_DIR': str(directory / 'state'),
        'S3_DATA_DIR': str(directory / 's3'),
        'DOCKER_HOST': f'unix://{directory}/no-docker',  # ministack removes containers at start
        'IOT_MTLS_ENABLED': '0',  # would listen on every interface
        'SFTP_ENABLED': '0',  # likewise
        'LOG_LEVEL': 'WARNING',
    }
    with (
        running(
            [str(_MINISTACK)], environment, answers_at('/_ministack/health'), directory
        ) as port,
        closing(LocalAws('ministack', f'http://127.0.0.1:{port}')) as aws,
    ):
        yield aws


def _new_name(kind: str, fifo: bool) -> str:
    return f'{kind}-{next(_numbers)}' + '.fifo' * fifo


def _texts(attributes: dict[str, object], **flags: bool) -> dict[str, str]:
    """Return attributes as the texts that AWS requires, without flags that are off."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in {**attributes, **{flag: True for flag in flags if flags[flag]}}.items()
    }
