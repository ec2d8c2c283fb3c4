"""`mega publish --from`: the lines of a file, failures, and where to continue."""

from __future__ import annotations

import json
import resource
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mega.local.faults import FailCall, FailEntries, Fault, Step
from tests.cli.command import Result, mega, mega_on_terminal, start_interpreter, start_mega
from tests.cli.conftest import CommandAws

LINE_7 = 'line 7 of stdin: invalid JSON object: Expecting value at character 5'


def numbered(count: int, bad: Iterable[int] = ()) -> str:
    """Return lines whose payloads have their numbers. Bad lines are invalid JSON."""
    numbers = range(1, count + 1)
    return ''.join('{"n":\n' if n in bad else f'{{"n":{n}}}\n' for n in numbers)


def publish(aws: CommandAws, *arguments: str, stdin: str = '') -> Result:
    return mega('publish', *arguments, stdin=stdin, environment=aws.environment)


def accepted(aws: CommandAws, url: str) -> list[Any]:
    """Return the payloads that SQS accepted for a queue, in order."""
    arn = aws.arn(url)
    return [json.loads(each.body) for each in aws.server.accepted() if each.destination == arn]


def numbers(payloads: Iterable[Any]) -> list[int]:
    return sorted(each['n'] for each in payloads)


def fail(aws: CommandAws, *steps: Step) -> None:
    """Let the next requests with lines fail."""
    aws.server.script(*steps, operation='SendMessageBatch')


def refused(*positions: int) -> FailEntries:
    """Let SQS refuse these messages of a request. They count from 0."""
    return FailEntries(positions, 'InvalidMessageContents', 400)


# Lines


def test_each_line_is_published_and_its_id_printed(aws: CommandAws, tmp_path: Path) -> None:
    url = aws.queue()
    (tmp_path / 'orders.jsonl').write_text(numbered(25))
    result = publish(aws, url, '--from', f'{tmp_path}/orders.jsonl', '--concurrency', '2')
    assert (result.code, result.err) == (0, '25 lines sent\n')
    assert len(set(result.out.splitlines())) == 25
    assert numbers(accepted(aws, url)) == list(range(1, 26))


def test_a_line_is_an_object_or_a_text_and_may_be_empty(aws: CommandAws) -> None:
    url = aws.queue()
    lines = (
        '\ufeff{"amount": 5}\r\n\n  \n"{text}"\n {"protocol":"mega","version":1,"event":'
        '{"name":"a","timestamp":"2026-01-01T00:00:00Z"}}'
    )
    result = publish(aws, url, '--from', '-', '-o', 'jsonl', stdin=lines)
    assert (result.code, result.err) == (0, '3 lines sent\n')
    assert [record['line'] for record in result.lines()] == [1, 4, 5]
    shown = mega('peek', url, '-o', 'jsonl', environment=aws.environment).lines()
    assert [each['kind'] for each in shown] == ['data', 'text', 'event']
    assert [each['payload'] for each in shown[:2]] == [{'amount': 5}, '{text}']


def test_options_apply_to_each_line(aws: CommandAws) -> None:
    url = aws.queue(fifo=True, ContentBasedDeduplication='true')
    arguments = ('--group', 'g', '--attribute', 'kind=a')
    assert publish(aws, url, '--from', '-', *arguments, stdin=numbered(12)).code == 0
    messages = [*aws.receive(url), *aws.receive(url)]
    assert [json.loads(each['Body'])['n'] for each in messages] == list(range(1, 11))
    assert {each['MessageAttributes']['kind']['StringValue'] for each in messages} == {'a'}


def test_lines_are_published_to_a_topic(aws: CommandAws) -> None:
    url = aws.queue()
    assert publish(aws, aws.topic(url), '--from', '-', stdin=numbered(3)).code == 0
    assert aws.visible(url) == 3


def test_json_is_one_array(aws: CommandAws) -> None:
    result = publish(aws, aws.queue(), '--from', '-', '-o', 'json', stdin=numbered(2))
    assert [record['line'] for record in result.json()] == [1, 2]


def test_a_file_without_lines_is_no_failure(aws: CommandAws) -> None:
    result = publish(aws, aws.queue(), '--from', '-')
    assert (result.code, result.out, result.err) == (0, '', '0 lines sent\n')


def test_a_rate_limits_the_lines_per_second(aws: CommandAws) -> None:
    began = time.monotonic()
    assert publish(aws, aws.queue(), '--from', '-', '--rate', '20', stdin=numbered(21)).code == 0
    assert time.monotonic() - began >= 1


def test_a_dry_run_prints_each_line_without_aws() -> None:
    result = mega('publish', 'orders', '--from', '-', '--dry-run', stdin=numbered(2))
    assert (result.code, result.err) == (0, '')
    assert result.out == 'line 1  data  7 bytes\n{"n":1}\nline 2  data  7 bytes\n{"n":2}\n'
    result = mega('publish', 'orders', '--from', '-', '--dry-run', stdin=numbered(9, bad=[7]))
    assert (result.code, result.out.count('\n')) == (1, 12)
    assert result.err == f'Error: {LINE_7}\n'


# Failures


def test_the_lines_before_a_bad_line_are_sent_and_the_bad_line_is_named(aws: CommandAws) -> None:
    url = aws.queue()
    result = publish(aws, url, '--from', '-', stdin=numbered(9, bad=[7]))
    assert (result.code, result.out.count('\n')) == (1, 6)
    assert result.err == f'Error: {LINE_7}; 6 lines sent; continue from line 7\n'
    assert numbers(accepted(aws, url)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ('line', 'problem'),
    [
        (b'\xff{}\n', 'invalid line: it is not UTF-8 at byte 0'),
        (b'[]\n', 'invalid line: it must be a JSON object or a JSON string'),
        (b'hello\n', 'invalid line: it must be a JSON object or a JSON string'),
        (b'"hello\n', 'invalid JSON string: Unterminated string starting at character 0'),
        (b'{"protocol":"mega"}\n', 'invalid MEGA event: version is None'),
        (
            b'{"a":' * 5_000 + b'1' + b'}' * 5_000,
            'invalid JSON object: it is nested deeper than 100 levels',
        ),
        (b'""\n', 'cannot be published: the payload is empty'),
    ],
    ids=['UTF-8', 'array', 'text', 'string', 'event', 'deep', 'empty'],
)
def test_a_bad_line_is_one_line_of_stderr(
    aws: CommandAws, tmp_path: Path, line: bytes, problem: str
) -> None:
    (tmp_path / 'lines').write_bytes(b'{}\n' + line)
    result = publish(aws, aws.queue(), '--from', f'{tmp_path}/lines')
    assert (result.code, result.err.count('\n')) == (1, 1)
    assert f'line 2 of {tmp_path}/lines: {problem}' in result.err
    assert result.err.endswith('; 1 line sent; continue from line 2\n')


def test_a_line_that_aws_refuses_is_named_with_the_place_to_continue(aws: CommandAws) -> None:
    url = aws.queue()
    fail(aws, None, refused(1, 3, 4, 9))
    result = publish(aws, url, '--from', '-', stdin=numbered(30))
    assert result.code == 4
    assert 'line 12 of stdin: SendMessage failed (InvalidMessageContents)' in result.err
    assert result.err.endswith(
        '; 16 lines sent; continue from line 20; not sent before it: 12, 14-15\n'
    )
    assert len(accepted(aws, url)) == 16


def test_a_fifo_destination_stops_at_the_first_failure(aws: CommandAws) -> None:
    url = aws.queue(fifo=True, ContentBasedDeduplication='true')
    fail(aws, None, None, refused(0))
    result = publish(aws, url, '--from', '-', '--group', 'g', stdin=numbered(9))
    assert result.code == 4
    assert result.err.startswith('Error: line 3 of stdin: SendMessage failed')
    assert result.err.endswith('; 2 lines sent; continue from line 3\n')
    assert numbers(accepted(aws, url)) == [1, 2]


def test_a_refused_request_stops_at_its_first_line(aws: CommandAws) -> None:
    url = aws.queue()
    fail(aws, None, FailCall('AccessDenied', 403))
    result = publish(aws, url, '--from', '-', stdin=numbered(30))
    assert (result.code, result.out.count('\n')) == (4, 10)
    assert f'allow sqs:SendMessage on the queue {url}' in result.err
    assert result.err.endswith('; 10 lines sent; continue from line 11\n')


def test_failed_lines_are_written_to_a_new_file_as_they_were(
    aws: CommandAws, tmp_path: Path
) -> None:
    url, file = aws.queue(), tmp_path / 'failed.jsonl'
    fail(aws, refused(0, 2))
    lines = numbered(30, bad=[7, 12]).replace('{"n":3}', '{"n": 3 }')
    result = publish(aws, url, '--from', '-', '--failures', str(file), stdin=lines)
    assert result.code == 1
    assert result.err == f'26 lines sent, 4 failed and written to {file}\n'
    assert file.read_text() == '{"n":1}\n{"n": 3 }\n{"n":\n{"n":\n'
    assert len(accepted(aws, url)) == 26


def test_a_file_for_failures_is_new_and_remains_only_with_failures(
    aws: CommandAws, tmp_path: Path
) -> None:
    url, file = aws.queue(), tmp_path / 'failed.jsonl'
    arguments = (url, '--from', '-', '--failures', str(file))
    assert publish(aws, *arguments, stdin=numbered(3)).code == 0
    assert not file.exists()
    file.write_text('')
    result = publish(aws, *arguments, stdin=numbered(3))
    assert (result.code, result.out) == (1, '')
    assert result.err == f'Error: {file} exists: name a new file for the failures\n'
    assert len(accepted(aws, url)) == 3


def test_with_a_file_for_failures_a_refused_request_stops_too(
    aws: CommandAws, tmp_path: Path
) -> None:
    url, file = aws.queue(), tmp_path / 'failed.jsonl'
    fail(aws, None, FailCall('AccessDenied', 403))
    arguments = ('--from', '-', '--failures', str(file))
    result = publish(aws, url, *arguments, stdin=numbered(30, bad=[2, 12]))
    assert result.code == 4
    assert result.err.startswith('Error: line 11 of stdin: SendMessageBatch failed (AccessDenied)')
    assert result.err.endswith(
        f'; 9 lines sent, 1 failed and written to {file}; continue from line 11\n'
    )


@pytest.mark.no_cover
def test_a_full_disk_names_the_failed_lines(aws: CommandAws, tmp_path: Path) -> None:
    url, file = aws.queue(), tmp_path / 'failed.jsonl'

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))

    # Python would also cut off the files of its bytecode.
    environment = {**aws.environment, 'PYTHONDONTWRITEBYTECODE': '1'}
    arguments = ('publish', url, '--from', '-', '--failures', str(file))
    with start_interpreter(*arguments, environment=environment, preexec_fn=limit_files) as process:
        out, err = process.communicate(numbered(30, bad=[2, 4, 12, 14, 16]), timeout=60)
    assert (process.returncode, out.count('\n')) == (1, 15)
    assert err == (
        f'Error: {file} cannot be written: File too large; 15 lines sent, 2 failed and written to '
        f'{file}; continue from line 21; not sent before it: 12, 14, 16\n'
    )
    assert file.read_text() == '{"n":\n' * 2


def test_wrong_use_is_reported_before_anything_is_sent(aws: CommandAws, tmp_path: Path) -> None:
    url, fifo = aws.queue(), aws.queue(fifo=True)
    file = f'{tmp_path}/failed'
    for code, words, arguments in (
        (1, 'no/such/file cannot be read: No such file', (url, '--from', 'no/such/file')),
        (1, f'{tmp_path} cannot be read: Is a directory', (url, '--from', str(tmp_path))),
        (1, 'cannot be written: No such file', (url, '--from', '-', '--failures', f'{file}/x')),
        (2, '--group is missing', (fifo, '--from', '-')),
        (2, 'not for FIFO', (fifo, '--from', '-', '--group', 'g', '--failures', file)),
        (2, '--raw and --from exclude', (url, '--from', '-', '--raw')),
        (2, 'one of them', (url, 'hello', '--from', '-')),
        (4, 'create the queue', (f'{url}-gone', '--from', '-')),
    ):
        result = publish(aws, *arguments, stdin=numbered(3))
        assert (result.code, result.out) == (code, '')
        assert words in result.err.splitlines()[-1]
    assert accepted(aws, url) == accepted(aws, fifo) == []


# Interruptions


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ('number', 'code', 'end'),
    [(signal.SIGINT, 130, 'Interrupted'), (signal.SIGTERM, 143, 'Terminated')],
    ids=['Ctrl-C', 'SIGTERM'],
)
def test_a_signal_between_chunks_says_where_to_continue(
    aws: CommandAws, number: signal.Signals, code: int, end: str
) -> None:
    url = aws.queue()
    arguments = ('publish', url, '--from', '-', '-o', 'jsonl')
    with start_mega(*arguments, environment=aws.environment) as process:
        process.stdin.write(numbered(15))  # the second chunk waits for more lines
        process.stdin.flush()
        records = [json.loads(process.stdout.readline()) for _ in range(10)]
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out) == (code, '')
    assert err == f'Stopped: 10 lines sent; continue from line 11\n\n{end}\n'
    assert [record['line'] for record in records] == numbers(accepted(aws, url))


def interrupt_request(aws: CommandAws, url: str, *numbers: signal.Signals) -> Result:
    """Publish lines, send signals when SQS has refused the second request, and let it succeed."""
    fault = Fault.UNAVAILABLE
    fail(aws, None, *[fault] * 3)
    before = aws.server.counts().faults.get(fault.value, 0)
    with start_mega('publish', url, '--from', '-', environment=aws.environment) as process:
        process.stdin.write(numbered(30))
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while aws.server.counts().faults.get(fault.value, 0) == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for number in numbers:
            process.send_signal(number)
        out, err = process.communicate()
    return Result(process.wait(), out, err)


@pytest.mark.no_cover
def test_ctrl_c_during_a_request_waits_for_its_outcome(aws: CommandAws) -> None:
    url = aws.queue()
    result = interrupt_request(aws, url, signal.SIGINT)
    assert (result.code, result.out.count('\n')) == (130, 20)
    assert result.err == 'Stopped: 20 lines sent; continue from line 21\n\nInterrupted\n'
    assert numbers(accepted(aws, url)) == list(range(1, 21))


@pytest.mark.no_cover
def test_a_second_signal_names_the_lines_whose_outcome_is_unknown(aws: CommandAws) -> None:
    result = interrupt_request(aws, aws.queue(), signal.SIGINT, signal.SIGTERM)
    assert (result.code, result.out.count('\n')) == (143, 10)
    assert result.err == (
        'Stopped: 10 lines sent; continue from line 11; '
        'the outcome of these lines is unknown: 11-20\n\nTerminated\n'
    )


@pytest.mark.no_cover
def test_ctrl_c_on_a_terminal_says_where_to_continue(aws: CommandAws, tmp_path: Path) -> None:
    url = aws.queue()
    (tmp_path / 'lines').write_text(numbered(1_000))
    shown = mega_on_terminal(
        *('publish', url, '--from', f'{tmp_path}/lines', '--rate', '10'),
        keys='\x03',
        after='10 lines sent',
        columns=40,
        environment=aws.environment,
    )
    assert shown.code == 130
    assert 'Stopped: 10 lines sent; continue from line 11' in shown.out
    assert numbers(accepted(aws, url)) == list(range(1, 11))


@pytest.mark.no_cover
def test_a_closed_pipe_says_where_to_continue(aws: CommandAws) -> None:
    url = aws.queue()
    arguments = ('publish', url, '--from', '-')
    with start_mega(*arguments, environment=aws.environment) as process:
        process.stdout.close()
        _, err = process.communicate(numbered(30))
    assert process.returncode == 1
    assert err.splitlines() == [
        'Stopped: 10 lines sent; continue from line 11',
        'Error: the reader of the output closed it: the output is incomplete',
    ]
    assert numbers(accepted(aws, url)) == list(range(1, 11))


def test_progress_is_for_a_terminal_only(aws: CommandAws) -> None:
    url = aws.queue()
    assert publish(aws, url, '--from', '-', stdin=numbered(1)).err == '1 line sent\n'
    shown = mega_on_terminal(
        *('publish', url, '--from', '-'),
        keys=f'{numbered(10)}\x04',
        environment={**aws.environment, 'NO_COLOR': '1'},
    )
    assert '\r\x1b[K10 lines sent' in shown.out
    assert shown.out.endswith('\r\x1b[K10 lines sent\n')
