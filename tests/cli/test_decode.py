from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mega.codec import encode
from tests.aws.lambda_.documented import SNS_RECORD, SQS_RECORD
from tests.cli.command import mega, mega_on_terminal
from tests.hostile import nested_json

POINTER = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"k"}]'
PROGRAM = """
import sys
from mega.cli.main import cli, run

run(cli, ['decode'])
print([name for name in ('boto3', 'botocore') if name in sys.modules], file=sys.stderr)
"""
ENVELOPE = json.dumps(SNS_RECORD['Sns'])


def message(body: str, **attributes: Any) -> dict[str, Any]:
    """A message as `aws sqs receive-message` prints it."""
    return {
        'MessageId': 'm-1',
        'ReceiptHandle': 'r-1',
        'MD5OfBody': '0' * 32,
        'Body': body,
        'Attributes': {'ApproximateReceiveCount': '2'},
        'MessageAttributes': attributes,
    }


def decoded(*arguments: str, stdin: str) -> Any:
    result = mega('decode', *arguments, '-o', 'json', stdin=stdin)
    assert (result.code, result.err) == (0, '')
    return result.json()


@pytest.mark.parametrize(
    ('body', 'kind', 'payload'),
    [
        pytest.param('{"amount": 5}', 'data', {'amount': 5}, id='JSON'),
        pytest.param(encode({'amount': 5}, True), 'data', {'amount': 5}, id='BSON'),
        pytest.param('hello', 'text', 'hello', id='text'),
        pytest.param('[{"amount": 5}]', 'text', '[{"amount": 5}]', id='array'),
        pytest.param(
            '{"Records":[{"eventSource":"aws:s3"}]}',
            'data',
            {'Records': [{'eventSource': 'aws:s3'}]},
            id='event of S3 in a queue',
        ),
    ],
)
def test_a_body_is_shown_as_one_object(body: str, kind: str, payload: object) -> None:
    record = decoded(stdin=f'{body}\n')
    assert (record['kind'], record['wrapping'], record['payload']) == (kind, [], payload)
    assert record['size'] == len(body)
    assert 'id' not in record


def test_an_envelope_is_opened() -> None:
    record = decoded(stdin=ENVELOPE)
    assert record['wrapping'] == ['SNS envelope']
    assert record['topic_arn'] == 'arn:aws:sns:us-east-1:123456789012:events'
    assert (record['attributes'], record['payload']) == ({'priority': '1'}, {'amount': 5})


def test_an_envelope_is_named_if_its_body_cannot_be_opened() -> None:
    envelope = json.dumps({**json.loads(ENVELOPE), 'Message': '{"amount": }'})
    result = mega('decode', stdin=envelope)
    assert (result.code, result.err) == (1, '')
    assert '  wrapping: SNS envelope\n' in result.out
    assert result.out.endswith('  {"amount": }\n')


def test_each_record_of_a_lambda_event_is_opened() -> None:
    event = json.dumps({'Records': [SQS_RECORD, SNS_RECORD]})
    queued, notified = decoded(stdin=event)
    assert (queued['wrapping'], notified['wrapping']) == (
        ['Lambda event'],
        ['Lambda event', 'SNS envelope'],
    )
    assert queued['payload'] == notified['payload'] == {'amount': 5}
    assert queued['attributes'] == {'priority': '1', 'key': 'AAE='}
    assert queued['receive_count'] == 2
    assert [
        json.loads(line) for line in mega('decode', '-o', 'jsonl', stdin=event).out.splitlines()
    ] == [
        queued,
        notified,
    ]


@pytest.mark.parametrize('shape', ['answer', 'list', 'message'])
def test_the_messages_of_a_receive_are_opened(shape: str) -> None:
    found = message(ENVELOPE, key={'DataType': 'Binary', 'BinaryValue': 'AAE='})
    given = {'answer': {'Messages': [found]}, 'list': [found], 'message': found}[shape]
    [record] = decoded(stdin=json.dumps(given, indent=4))
    assert (record['id'], record['receive_count']) == ('m-1', 2)
    assert record['wrapping'] == ['ReceiveMessage answer', 'SNS envelope']
    assert record['attributes'] == {'priority': '1', 'key': 'AAE='}


def test_a_body_in_s3_is_shown_as_its_pointer() -> None:
    size = {'DataType': 'Number', 'StringValue': '300000'}
    given = json.dumps(message(POINTER, ExtendedPayloadSize=size))
    [record] = decoded(stdin=given)
    assert record['wrapping'] == ['ReceiveMessage answer', 'S3 pointer']
    assert record['pointer'] == {'bucket': 'b', 'key': 'k', 'size': 300_000}
    shown = mega('decode', stdin=given).out.splitlines()
    assert shown == [
        'm-1  offloaded  received 2 times  118 bytes',
        '  wrapping: ReceiveMessage answer > S3 pointer',
        '  attributes: {"ExtendedPayloadSize": "300000"}',
        '  pointer: {"bucket": "b", "key": "k", "size": 300000}',
    ]


def test_the_file_may_be_named(tmp_path: Path) -> None:
    (tmp_path / 'body').write_text('{"amount":5}')
    assert mega('decode', f'{tmp_path}/body').out == 'data  12 bytes\n  {\n    "amount": 5\n  }\n'


@pytest.mark.parametrize(
    ('text', 'problem'),
    [
        pytest.param('', 'the input is empty', id='empty'),
        pytest.param(
            json.dumps({'Records': [{**SQS_RECORD, 'body': 5}]}),
            'invalid Lambda event: Records[0]: Expected `str`, got `int` - at `$.body`',
            id='Lambda',
        ),
        pytest.param(
            json.dumps({'Messages': [{'MessageId': 'm', 'Body': 5}]}),
            'invalid ReceiveMessage answer: Expected `str`, got `int` - at `$[0].Body`',
            id='receive',
        ),
    ],
)
def test_input_that_is_not_a_message_is_one_line(text: str, problem: str) -> None:
    result = mega('decode', stdin=text)
    assert (result.code, result.out, result.err) == (1, '', f'Error: {problem}\n')


def test_a_missing_file_is_one_line() -> None:
    result = mega('decode', 'no/such/file')
    assert result.code == 1
    assert result.err == 'Error: no/such/file cannot be read: No such file or directory\n'


@pytest.mark.parametrize('body', ['{"amount": }', nested_json(300_000)], ids=['invalid', 'deep'])
def test_a_body_that_cannot_be_opened_is_shown_with_the_problem(body: str) -> None:
    result = mega('decode', '-o', 'json', stdin=body)
    assert (result.code, result.err) == (1, '')
    assert result.json()['kind'] == 'invalid'
    assert result.json()['body'] == body
    assert 'problem: invalid JSON object' in mega('decode', stdin=body).out


def test_a_terminal_gets_colors_unless_no_color_is_set() -> None:
    body = '{"text":"\\u001b[2J\\u202e"}'
    typed = mega_on_terminal('decode', keys=f'{body}\n\x04', environment={'NO_COLOR': ''})
    assert 'Reading from the terminal' in typed.out
    assert '\x1b[32mdata\x1b[0m' in typed.out
    assert '"text": "\\u001b[2J\\u202e"' in typed.out
    plain = mega_on_terminal('decode', keys=f'{body}\n\x04', environment={'NO_COLOR': '1'})
    assert '\x1b' not in plain.out


def test_a_pipe_gets_colors_if_they_are_forced() -> None:
    forced = {'FORCE_COLOR': '1'}
    assert mega('decode', stdin='{}', environment=forced).out.startswith('\x1b[32mdata\x1b[0m')
    assert mega('decode', '--no-color', stdin='{}', environment=forced).out.startswith('data')


def test_a_process_imports_no_client_of_aws_and_prints_no_colors_into_a_pipe() -> None:
    ended = subprocess.run(
        [sys.executable, '-c', PROGRAM], input='{}', capture_output=True, text=True, check=True
    )
    assert (ended.stdout, ended.stderr) == ('data  2 bytes\n  {}\n', '[]\n')
