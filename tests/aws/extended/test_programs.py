"""The programs for the extended clients run after the changes that the document shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mega.aws.extended import ExtendedClient
from mega.aws.s3 import S3PayloadStore
from tests.aws.extended.place import LARGE, attribute
from tests.aws.s3.making import keys_in, new_bucket_name
from tests.local_aws import LocalAws

PROGRAMS: dict[str, str] = dict(
    re.findall(
        r'^## ([^\n]+)\n```python\n(.*?)^```$',
        Path(__file__).with_name('programs.md').read_text(encoding='utf-8'),
        re.MULTILINE | re.DOTALL,
    )
)

DOCUMENT = Path(__file__).parents[3] / 'docs' / 'migrating-from-extended-clients.md'


class Change(NamedTuple):
    """Lines of a program, and what replaces them."""

    old: str
    new: str


def documented_changes() -> dict[str, list[Change]]:
    """The changes that the document shows, by the heading above them.

    Empty lines separate the changes of a block. A line begins with its mark: `-`, `+` or a space.
    """
    changes = {}
    for section in re.split('^#+ ', DOCUMENT.read_text(encoding='utf-8'), flags=re.MULTILINE):
        heading, _, text = section.partition('\n')
        for block in re.findall('^```diff\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
            changes[heading] = [
                Change(_lines(hunk, '- '), _lines(hunk, '+ ')) for hunk in block.split('\n\n')
            ]
    return changes


def _lines(hunk: str, marks: str) -> str:
    return ''.join(f'{line[1:]}\n' for line in hunk.splitlines() if line[0] in marks)


CHANGES = documented_changes()

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
    for old, new in CHANGES[title.partition(':')[0]]:
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

    def run(self, title: str, **given: Any) -> dict[str, Any]:
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
            "queue_url = ''": f'queue_url = {given.get("queue_url")!r}',
            "'DelaySeconds': '5'": "'DelaySeconds': '1'",
            'large string message more than threshold': LARGE,
            'This is a large message': LARGE,
        }.items():
            code = code.replace(placeholder, value)
        names: dict[str, Any] = {
            'small_message': 'a',
            'checkdata': self.check_data,
            'process_large_message': self.processed.append,
            **given,
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
def test_a_program_with_resources_of_amazon_sqs_extended_client_runs(site: Site) -> None:
    S3PayloadStore(site.bucket).create_bucket()
    url = site.aws.create_queue()
    site.run('Resources of amazon-sqs-extended-client', queue_url=url, body=LARGE)
    assert site.processed == [LARGE]
    assert site.aws.counts(url) == (0, 0)


@pytest.mark.no_cover
def test_a_program_of_amazon_sns_extended_client_runs(site: Site) -> None:
    store = S3PayloadStore(site.bucket)
    store.create_bucket()
    url, topic_arn = site.aws.create_queue(), site.aws.create_topic()
    site.aws.subscribe(topic_arn, url, raw=True)
    kind = {'kind': attribute('report')}
    body = 'x' * 131_072
    site.run('amazon-sns-extended-client', topic_arn=topic_arn, body=body, attributes=kind)
    assert len(keys_in(site.aws, site.bucket)) == 1
    client = ExtendedClient(site.aws.client('sqs'), store)
    parameters = {'MessageAttributeNames': ['All'], 'WaitTimeSeconds': 5}
    [message] = client.receive_message(QueueUrl=url, **parameters)['Messages']
    assert message['Body'] == body
    assert message['MessageAttributes'] == kind


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
def test_the_program_with_retrieve_message_body_runs(site: Site) -> None:
    """It deletes the message with boto3, and so leaves the body."""
    S3PayloadStore(site.bucket).create_bucket()
    url = site.aws.create_queue(fifo=True, ContentBasedDeduplication=True)
    site.run('retrieve_message_body', queue_url=url)
    assert site.processed == [LARGE]
    assert site.aws.counts(url) == (0, 0)
    assert len(keys_in(site.aws, site.bucket)) == 1


def test_each_shown_change_has_a_program_and_each_program_its_changes() -> None:
    assert {title.partition(':')[0] for title in PROGRAMS} == CHANGES.keys()
