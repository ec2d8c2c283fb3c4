"""`mega publish` with one payload, as a user calls it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mega.aws._messages.limits import size_of
from mega.aws.sqs.message import read_message
from mega.aws.sqs.opening import open_message
from mega.codec import encode
from mega.event import Payload
from mega.local.faults import FailCall
from tests.cli.command import Result, mega, mega_on_terminal, mega_process, start_interpreter
from tests.cli.conftest import CommandAws

URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'
TOPIC = 'arn:aws:sns:us-east-1:123456789012:events'


def publish(aws: CommandAws, *arguments: str, stdin: str = '') -> Result:
    return mega('publish', *arguments, stdin=stdin, environment=aws.environment)


def published(aws: CommandAws, url: str) -> Any:
    """Receive the only message of a queue, and return its payload."""
    [received] = aws.receive(url)
    return open_message(read_message(received))[1]


def dry_run(*arguments: str, stdin: str = '') -> Any:
    """Print a message without a region and an endpoint."""
    result = mega('publish', *arguments, '--dry-run', '-o', 'json', stdin=stdin)
    assert (result.code, result.err) == (0, '')
    return result.json()


# The payload


@pytest.mark.parametrize(
    ('text', 'payload'),
    [
        ('{"amount": 5}', {'amount': 5}),
        ('hello', 'hello'),
        ('http://127.0.0.1:1/body', 'http://127.0.0.1:1/body'),
        ('$HOME *', '$HOME *'),
    ],
    ids=['data', 'text', 'URL', 'shell'],
)
def test_a_literal_is_published_and_its_id_printed(
    aws: CommandAws, text: str, payload: object
) -> None:
    url = aws.queue()
    result = publish(aws, url, text)
    assert (result.code, result.err) == (0, '')
    [received] = aws.receive(url)
    assert result.out == f'{received["MessageId"]}\n'
    assert open_message(read_message(received))[1] == payload


@pytest.mark.parametrize(
    ('text', 'payload'),
    [('{"amount": 5}\n', {'amount': 5}), ('  two\nlines \r\n', '  two\nlines ')],
    ids=['data', 'text'],
)
def test_stdin_and_a_file_are_published_without_the_line_break_at_their_end(
    aws: CommandAws, tmp_path: Path, text: str, payload: object
) -> None:
    (tmp_path / 'body').write_bytes(text.encode())
    first, second = aws.queue(), aws.queue()
    assert publish(aws, first, '-', stdin=text).code == 0
    assert publish(aws, second, f'@{tmp_path}/body').code == 0
    assert published(aws, first) == published(aws, second) == payload


def test_an_event_is_built_of_its_name_and_attributes(aws: CommandAws) -> None:
    url = aws.queue()
    result = publish(
        *(aws, url, '--event', 'shop/item.added'),
        *('-a', 'id=7', '-a', 'note=a=b', '-a', 'quantity:=5', '-a', 'tags:=["a", null]'),
    )
    assert result.code == 0
    payload = published(aws, url)
    assert isinstance(payload, Payload)
    assert (payload.event.domain, payload.event.name) == ('shop', 'item.added')
    assert payload.event.attributes == {
        'id': '7',
        'note': 'a=b',
        'quantity': 5,
        'tags': ['a', None],
    }


def test_an_event_needs_no_domain() -> None:
    body = json.loads(dry_run(URL, '--event', 'started')['body'])
    assert body['event'].keys() == {'name', 'version', 'timestamp'}


def test_a_raw_body_is_published_exactly(aws: CommandAws) -> None:
    url = aws.queue()
    assert publish(aws, url, '-', '--raw', stdin='{"broken\n').code == 0
    [received] = aws.receive(url)
    assert (received['Body'], received.get('MessageAttributes')) == ('{"broken\n', None)


def test_bson_is_an_encoding_of_the_same_payload(aws: CommandAws) -> None:
    url = aws.queue()
    assert publish(aws, url, '{"amount": 5}', '--bson').code == 0
    [received] = aws.receive(url)
    assert received['Body'] == encode({'amount': 5}, True)


# The destination and the options of a message


@pytest.mark.parametrize('compression', ['gzip', 'zstd'])
@pytest.mark.parametrize('source', ['argument', 'lines'])
def test_a_compressed_body_has_the_same_payload(
    aws: CommandAws, compression: str, source: str
) -> None:
    url, text = aws.queue(), json.dumps({'lines': ['some line'] * 100})
    arguments = [text] if source == 'argument' else ['--from', '-']
    result = publish(aws, url, *arguments, '--compression', compression, stdin=f'{text}\n')
    assert result.code == 0
    [received] = aws.receive(url)
    assert len(received['Body']) < len(text) / 4
    assert received['MessageAttributes']['MegaCompression']['StringValue'] == compression
    assert open_message(read_message(received))[1] == json.loads(text)


def test_an_unknown_compression_is_refused() -> None:
    result = mega('publish', URL, 'x', '--compression', 'lzma', '--dry-run')
    assert result.code == 2
    assert "'lzma' is not one of 'gzip', 'zstd'" in result.err


def test_zstd_needs_a_package_also_in_a_dry_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = 'compression' if sys.version_info >= (3, 14) else 'backports'
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / 'lines.jsonl').write_text('"hello"\n')
    for arguments in (['x'], ['--from', f'{tmp_path}/lines.jsonl']):
        result = mega('publish', URL, *arguments, '--compression', 'zstd', '--dry-run')
        needs = "Error: the compression 'zstd' needs a package: pip install 'sqs-mega[zstd]'\n"
        assert result == Result(2, '', needs)


def test_a_queue_is_named_in_four_ways(aws: CommandAws, tmp_path: Path) -> None:
    url = aws.queue()
    (tmp_path / 'worker.py').write_text(
        f'from mega.aws.sqs.subscribe import SqsListener\nlistener = SqsListener({url!r})\n'
    )
    names = (url, aws.arn(url), url.rpartition('/')[2], f'{tmp_path}/worker.py:listener')
    for name in names:
        result = publish(aws, name, 'hello', '-o', 'jsonl')
        assert result.code == 0, result.err
        [record] = result.lines()
        assert record['destination'] == url
    assert aws.visible(url) == 4


def test_a_topic_gets_the_subject_and_the_attributes(aws: CommandAws) -> None:
    url = aws.queue()
    arguments = ('--subject', 'News', '--attribute', 'kind=a', '--attribute', 'size:=5')
    assert publish(aws, aws.topic(url), 'hello', *arguments).code == 0
    [received] = aws.receive(url)
    message, payload = open_message(read_message(received))
    assert (payload, message.subject) == ('hello', 'News')
    assert message.attributes == {'kind': 'a', 'size': '5'}


def test_a_fifo_queue_gets_the_group_and_the_deduplication_id(aws: CommandAws) -> None:
    url = aws.queue(fifo=True)
    for _ in range(2):
        assert publish(aws, url, 'hello', '--group', 'g', '--dedup', 'd').code == 0
    [received] = aws.receive(url)
    assert received['Attributes']['MessageGroupId'] == 'g'
    assert received['Attributes']['MessageDeduplicationId'] == 'd'


def test_a_delayed_message_is_hidden_at_first(aws: CommandAws) -> None:
    url = aws.queue()
    assert publish(aws, url, 'hello', '--delay', '30').code == 0
    assert aws.visible(url) == 0


# The dry run


def test_a_dry_run_prints_the_wire_form_and_its_bytes() -> None:
    record = dry_run(URL, '{"amount": 5}', '--attribute', 'n:=1', '--delay', '7')
    assert record == {
        'kind': 'data',
        'size': 12 + len('nNumber1'),
        'attributes': {'n': {'DataType': 'Number', 'StringValue': '1'}},
        'options': {'DelaySeconds': 7},
        'body': '{"amount":5}',
    }
    shown = mega('publish', 'orders', '{"amount": 5}', '--dry-run', '--delay', '7')
    assert shown.out == 'data  12 bytes\n  options: {"DelaySeconds": 7}\n{"amount":5}\n'


def test_a_dry_run_prints_a_compressed_message() -> None:
    record = dry_run(f'{URL}.fifo', '--group', 'a', '--compression', 'gzip', 'x' * 1_000)
    assert record['kind'] == 'text'
    assert record['size'] == size_of(record['body'], record['attributes']) < 100
    assert record['attributes']['MegaCompression']['StringValue'] == 'gzip'
    assert 'MessageDeduplicationId' in record['options']


def test_a_dry_run_says_how_a_listener_would_read_a_raw_body() -> None:
    assert dry_run(URL, 'hello', '--raw')['kind'] == 'text'
    record = dry_run(URL, '{"broken', '--raw')
    assert record['kind'] == 'invalid'
    assert record['problem'].startswith('invalid JSON object')


def test_a_dry_run_makes_the_checks_of_a_publisher() -> None:
    result = mega('publish', URL, '-', '--dry-run', stdin='x' * 1_100_000)
    assert (result.code, result.out) == (1, '')
    assert result.err == ('Error: a message of 1,100,000 bytes is over the limit of 1,048,576\n')


# Output


def test_a_process_prints_the_same_through_a_pipe_and_on_a_narrow_terminal(
    aws: CommandAws,
) -> None:
    arguments = ('publish', URL, '{"text":"\\u001b[2J"}', '--dry-run')
    piped = mega_process(*arguments)
    shown = mega_on_terminal(*arguments, columns=30, environment={'NO_COLOR': '1'})
    assert (piped.code, piped.out) == (0, 'data  20 bytes\n{"text":"\\u001b[2J"}\n')
    assert shown.out == piped.out
    colored = mega_on_terminal(*arguments)
    assert colored.out.startswith('\x1b[32mdata\x1b[0m')


def test_a_process_publishes_from_a_pipe(aws: CommandAws) -> None:
    url = aws.queue()
    result = mega_process('publish', url, '-', stdin='{"amount":5}', environment=aws.environment)
    assert (result.code, result.err) == (0, '')
    assert published(aws, url) == {'amount': 5}


def test_on_a_terminal_stdin_is_announced() -> None:
    shown = mega_on_terminal('publish', URL, '-', '--dry-run', keys='hello\n\x04')
    assert shown.code == 0
    assert 'Reading from the terminal, until Ctrl-D.' in shown.out
    assert 'text' in shown.out


# Wrong use


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ([], 'pass PAYLOAD, --event or --from: one of them'),
        (['x', '--event', 'a/b'], 'pass PAYLOAD, --event or --from: one of them'),
        (['x', '-a', 'k=v'], '-a is only for --event'),
        (['x', '--rate', '5'], '--rate is only for --from'),
        (['--event', 'a', '--raw'], '--raw and --event exclude each other'),
        (['x', '--raw', '--bson'], '--raw and --bson exclude each other'),
        (['--from', '-', '--dedup', 'x'], '--dedup and --from exclude each other'),
        (['--event', '/a'], "'/a' must be DOMAIN/NAME or NAME"),
        (['--event', 'a/'], "'a/' must be DOMAIN/NAME or NAME"),
        (['--event', 'a', '-a', 'k'], "'k' must be KEY=TEXT or KEY:=JSON"),
        (['--event', 'a', '-a', 'k=1', '-a', 'k=2'], "'k' is given twice"),
        (['--event', 'a', '-a', 'k:={'], "'k' has invalid JSON"),
        (['--event', 'a', '-a', f'k:={"[" * 100_000}'], "'k' has invalid JSON"),
        (['x', '--attribute', 'a b=1'], 'message_attributes.a b has the invalid name'),
        (['x', '--attribute', 'a:=true'], 'message_attributes.a is True'),
        (['x', '--subject', 'News'], '--subject is for topics only'),
        (['x', '--dedup', 'd'], '--dedup is for FIFO destinations only'),
        (['x', '--delay', '901'], "Invalid value for '--delay'"),
    ],
    ids=lambda value: ' '.join(value)[:40] if isinstance(value, list) else '',
)
def test_wrong_use_is_exit_code_2(arguments: list[str], words: str) -> None:
    result = mega(
        'publish', URL, *arguments, environment={'AWS_ENDPOINT_URL': 'http://127.0.0.1:1'}
    )
    assert (result.code, result.out) == (2, '')
    assert words in result.err.splitlines()[-1]


@pytest.mark.parametrize(
    ('destination', 'arguments', 'words'),
    [
        (TOPIC, ['--delay', '5'], '--delay is for queues only'),
        ('orders.fifo', [], '--group is missing: a FIFO destination requires it'),
        ('orders.fifo', ['--group', 'g', '--delay', '5'], '--delay is for standard queues'),
        ('a queue', [], "'a queue' is not a URL, an ARN or a name of a queue"),
        ('arn:aws:s3:::bucket', [], 'is not the ARN of a queue'),
        ('arn:aws:sns:topic', [], 'pass the ARN of a topic'),
    ],
)
def test_a_wrong_destination_is_exit_code_2(
    destination: str, arguments: list[str], words: str
) -> None:
    result = mega('publish', destination, 'hello', *arguments, '--dry-run')
    assert (result.code, result.out) == (2, '')
    assert words in result.err.splitlines()[-1]


@pytest.mark.parametrize(
    ('payload', 'problem'),
    [
        ('{"amount": }', 'the payload cannot be read: invalid JSON object'),
        ('{"protocol": "mega"}', 'the payload cannot be read: invalid MEGA event'),
        ('', 'the payload is empty'),
        ('@no/such/file', 'no/such/file cannot be read: No such file or directory'),
        ('half \udcff', 'contains half of a surrogate pair'),
    ],
    ids=['JSON', 'event', 'empty', 'file', 'surrogate'],
)
def test_an_invalid_payload_is_one_line(payload: str, problem: str) -> None:
    result = mega('publish', URL, payload, '--dry-run')
    assert (result.code, result.out, result.err.count('\n')) == (1, '', 1)
    assert problem in result.err


@pytest.mark.parametrize(
    ('destination', 'code', 'problem'),
    [
        ('no-such-queue', 4, 'create the queue'),
        (f'{TOPIC}-gone', 4, 'Publish failed (NotFound)'),
        ('no_such_module:listener', 3, 'no module named'),
    ],
)
def test_a_missing_destination_is_one_line(
    aws: CommandAws, destination: str, code: int, problem: str
) -> None:
    result = publish(aws, destination, 'hello')
    assert (result.code, result.out, result.err.count('\n')) == (code, '', 1)
    assert problem in result.err


def test_without_credentials_or_a_region_nothing_is_published(aws: CommandAws) -> None:
    url = aws.queue()
    endpoint = {'AWS_ENDPOINT_URL': aws.environment['AWS_ENDPOINT_URL']}
    nowhere = mega('publish', 'orders', 'hello', environment=endpoint)
    assert (nowhere.code, nowhere.err.count('\n')) == (2, 1)
    assert 'no AWS region' in nowhere.err
    nobody = mega('publish', url, 'hello', '--region', 'us-east-1', environment=endpoint)
    assert (nobody.code, nobody.err.count('\n')) == (4, 1)
    assert 'set AWS_PROFILE' in nobody.err


def test_without_permission_the_action_to_allow_is_named(aws: CommandAws) -> None:
    url = aws.queue()
    aws.server.script(FailCall('AccessDenied', 403), operation='SendMessage')
    result = publish(aws, url, 'hello')
    assert (result.code, result.out, result.err.count('\n')) == (4, '', 1)
    assert f'allow sqs:SendMessage on the queue {url}' in result.err


@pytest.mark.no_cover
def test_a_message_whose_id_cannot_be_printed_is_reported_as_sent(aws: CommandAws) -> None:
    url = aws.queue()
    with (
        Path('/dev/full').open('w') as full,
        start_interpreter(
            'publish', url, 'hello', environment=aws.environment, stdout=full
        ) as process,
    ):
        _, err = process.communicate(timeout=60)
    [received] = aws.receive(url)
    assert process.returncode == 1
    assert err == (
        f'The message was sent: {received["MessageId"]}\n'
        'Error: the output cannot be written: No space left on device\n'
    )
