"""The programs in the documents of the extended clients run after a change of their set-up.

`MIGRATIONS` are all changes. The guide shows the same lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mega.aws.s3 import S3PayloadStore
from tests.aws.extended.place import LARGE
from tests.aws.s3.making import keys_in, new_bucket_name
from tests.local_aws import LocalAws

PROGRAMS: dict[str, str] = dict(
    re.findall(
        r'^## ([^\n]+)\n```python\n(.*?)^```$',
        Path(__file__).with_name('programs.md').read_text(encoding='utf-8'),
        re.MULTILINE | re.DOTALL,
    )
)

GUIDE = Path(__file__).parents[3] / 'docs' / 'extended-client.md'


class Line(NamedTuple):
    """A part of a program, and what replaces it."""

    old: str
    new: str


AMAZON = [
    Line(
        'import sqs_extended_client\n',
        'from mega.aws.extended import ExtendedClient\nfrom mega.aws.s3 import S3PayloadStore\n',
    ),
    Line(
        'sqs_extended_client = boto3.client("sqs", region_name="us-east-1")\n'
        'sqs_extended_client.large_payload_support = "BUCKET_NAME_HERE"\n',
        'sqs_extended_client = ExtendedClient(\n'
        '    boto3.client("sqs", region_name="us-east-1"),\n'
        '    S3PayloadStore("BUCKET_NAME_HERE", region_name="us-east-1"),\n'
        ')\n',
    ),
]
EXT_CLIENT = [
    Line(
        'import aws_sqs_ext_client  # noqa: F401\n',
        'from mega.aws.extended import extend_sqs\n',
    ),
    Line(
        "session.extend_sqs('S3_BUCKET_NAME_TO_STORE_MESSAGES')\n",
        "session = extend_sqs(session, 'S3_BUCKET_NAME_TO_STORE_MESSAGES')\n",
    ),
]
THE_GUIDE = [
    Line(
        'from botocore.config import Config\n',
        'from botocore.config import Config\n'
        'from mega.aws.extended import ExtendedClient\n'
        'from mega.aws.s3 import S3PayloadStore\n',
    ),
    Line(
        'extended_sqs = ExtendedClient(sqs)\n',
        "extended_sqs = ExtendedClient(sqs, S3PayloadStore('BUCKET_NAME_HERE'))\n",
    ),
    Line(
        '    VisibilityTimeout=30,\n',
        "    MessageAttributeNames=['All'],\n    VisibilityTimeout=30,\n",
    ),
    Line('retrieve_message_body(receipt_handle)\n', 'retrieve_message_body(message)\n'),
]
MIGRATIONS = {
    'amazon-sqs-extended-client': AMAZON,
    'aws-sqs-ext-client: resource': EXT_CLIENT,
    'aws-sqs-ext-client: client': EXT_CLIENT,
    'aws-sqs-ext-client: batches': EXT_CLIENT,
    'The guide': THE_GUIDE,
}

CORRECTIONS = {
    # A client has no such method.
    "queue = sqs.get_queue_by_name(QueueName='test')\n\nres = sqs.": (
        "queue = sqs.get_queue_url(QueueName='test')\n\nres = sqs."
    ),
    # `i` is not defined.
    "for r in received:\n    checkdata(r.body, r.meta.data['MD5OfBody'])\n    checkdata(\n"
    "      r.meta.data['MessageAttributes'], r.meta.data['MD5OfMessageAttributes'])\n\n"
    '    receipt_handles': (
        'for i, r in enumerate(received):\n'
        "    checkdata(r.body, r.meta.data['MD5OfBody'])\n    checkdata(\n"
        "      r.meta.data['MessageAttributes'], r.meta.data['MD5OfMessageAttributes'])\n\n"
        '    receipt_handles'
    ),
}
"""Corrections of errors in the programs."""

MD5_OF_NOTHING = 'd41d8cd98f00b204e9800998ecf8427e'
"""The digest of no attributes, which SQS does not return."""

_numbers = count(1)


def migrated(title: str) -> str:
    """The program after its migration. Each change applies exactly once."""
    code = PROGRAMS[title]
    for old, new in MIGRATIONS[title]:
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    for wrong, right in CORRECTIONS.items():
        code = code.replace(wrong, right)
    return code


@dataclass(frozen=True)
class Site:
    """A server, the names of a bucket and of a queue on it, and the bodies that were processed."""

    aws: LocalAws
    bucket: str
    queue: str
    processed: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)

    def run(self, title: str, queue_url: str = '') -> dict[str, Any]:
        """Run a program with the names of this place. Return the names that it defines."""
        location = {'LocationConstraint': self.aws.region}
        code = migrated(title)
        for placeholder, value in {
            'us-east-1': self.aws.region,
            '(Bucket=sqs_extended_client.large_payload_support)': (
                f'(Bucket={self.bucket!r}, CreateBucketConfiguration={location})'
            ),
            'S3_BUCKET_NAME_TO_STORE_MESSAGES': self.bucket,
            'BUCKET_NAME_HERE': self.bucket,
            'DemoPreparationQueue': self.queue,
            "'test'": repr(self.queue),
            "queue_url = ''": f'queue_url = {queue_url!r}',
            "'DelaySeconds': '5'": "'DelaySeconds': '1'",
            'large string message more than threshold': LARGE,
            'This is a large message': LARGE,
        }.items():
            code = code.replace(placeholder, value)
        names: dict[str, Any] = {
            'small_message': 'a',
            'checkdata': self.check_data,
            'process_large_message': self.processed.append,
        }
        exec(compile(code, title, 'exec', dont_inherit=True), names)
        return names

    def check_data(self, content: Any, digest: str) -> None:
        """The check that the programs leave to their reader: the server computes the digest."""
        message: dict[str, Any] = {'MessageBody': content}
        name = 'MD5OfMessageBody'
        if not isinstance(content, str):
            message = {'MessageBody': 'a', 'MessageAttributes': content}
            name = 'MD5OfMessageAttributes'
        answer = self.aws.client('sqs').send_message(QueueUrl=self.aws.create_queue(), **message)
        assert digest == answer.get(name, MD5_OF_NOTHING)
        self.checks.append(digest)


@pytest.fixture
def site(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Site:
    credentials = aws.credentials
    monkeypatch.setenv('AWS_ENDPOINT_URL', aws.endpoint_url)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', credentials['aws_access_key_id'])
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', credentials['aws_secret_access_key'])
    monkeypatch.setenv('AWS_DEFAULT_REGION', aws.region)
    return Site(aws, new_bucket_name(), f'programs-{next(_numbers)}')


@pytest.mark.no_cover
def test_the_program_of_amazon_sqs_extended_client_runs(site: Site) -> None:
    """Its assertions check the messages. In the end it deletes the queue."""
    site.run('amazon-sqs-extended-client')
    assert not keys_in(site.aws, site.bucket)


@pytest.mark.no_cover
@pytest.mark.parametrize('kind', ['resource', 'client', 'batches'])
def test_a_program_of_aws_sqs_ext_client_runs(kind: str, site: Site) -> None:
    names = site.run(f'aws-sqs-ext-client: {kind}')
    received = 2 if kind == 'batches' else 1
    assert len(names['received']) == received
    assert len(site.checks) == 2 * received
    assert not keys_in(site.aws, site.bucket)
    url = site.aws.client('sqs').get_queue_url(QueueName=site.queue)['QueueUrl']
    assert site.aws.counts(url) == (0, 0)


@pytest.mark.no_cover
def test_the_program_of_the_guide_runs(site: Site) -> None:
    """It deletes the message with boto3, and so leaves the body."""
    S3PayloadStore(site.bucket).create_bucket()
    url = site.aws.create_queue(fifo=True, ContentBasedDeduplication=True)
    site.run('The guide', url)
    assert site.processed == [LARGE]
    assert site.aws.counts(url) == (0, 0)
    assert len(keys_in(site.aws, site.bucket)) == 1


@pytest.mark.parametrize('title', PROGRAMS)
def test_the_guide_shows_the_changed_lines(title: str) -> None:
    text = GUIDE.read_text(encoding='utf-8')
    for old, new in MIGRATIONS[title]:
        for line in f'{old}{new}'.splitlines():
            assert line.strip() in text
