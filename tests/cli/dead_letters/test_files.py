"""`mega dead-letters export` and `import`, and the backup of `drop`."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mega.cli.message_json import message_line, read_message_line
from mega.local import FailCall, FailEntries
from tests.cli.command import (
    Result,
    mega,
    mega_on_terminal,
    mega_process,
    start_interpreter,
    start_mega,
)
from tests.cli.conftest import CommandAws
from tests.cli.dead_letters.conftest import Letters, text_attribute
from tests.cli.dead_letters.killing_proxy import Moment, killing_proxy

ATTRIBUTES = {
    'kind': text_attribute('a'),
    'key': {'DataType': 'Binary', 'BinaryValue': b'\0\xff'},
}


def import_file(letters: Letters, file: Path | str, stdin: str = '') -> Result:
    arguments = ('dead-letters', 'import', str(file), letters.dead)
    return mega(*arguments, stdin=stdin, environment=letters.aws.environment)


def contents(letters: Letters) -> list[Any]:
    """Return the bodies, the attributes and the groups of all dead letters."""
    found = []
    while page := letters.aws.receive(letters.dead):
        found += page
    return [
        (each['Body'], each.get('MessageAttributes'), each['Attributes'].get('MessageGroupId'))
        for each in found
    ]


# The form of a line


@given(
    st.text(min_size=1),
    st.dictionaries(
        st.text(min_size=1),
        st.builds(text_attribute, st.text())
        | st.builds(lambda value: {'DataType': 'Binary', 'BinaryValue': value}, st.binary()),
        max_size=3,
    ),
)
def test_a_line_has_the_whole_message(body: str, attributes: dict[str, Any]) -> None:
    message = {'MessageId': 'm-1', 'Body': body, 'Attributes': {'SentTimestamp': '5'}}
    if attributes:
        message['MessageAttributes'] = attributes
    line = message_line({**message, 'ReceiptHandle': 'secret'})
    assert line.count(b'\n') == 1
    assert b'secret' not in line
    assert read_message_line(line) == message


# Export and import


def test_an_exported_message_is_imported_as_it_was(letters: Letters, tmp_path: Path) -> None:
    file = tmp_path / 'letters.jsonl'
    bodies = ['{"n": 1,  "name": "Zoë"}\n', 'text\u2028', '{"broken']
    for body in bodies:
        letters.add(body, attributes=ATTRIBUTES)
    before = contents(letters)
    letters.aws.server.advance(60)
    result = letters.run('export', str(file))
    assert (result.code, result.out) == (0, '')
    assert result.err.endswith('3 of about 3 messages exported.\n')
    assert letters.aws.visible(letters.dead) == 3
    letters.aws.sqs.purge_queue(QueueUrl=letters.dead)
    imported = import_file(letters, file)
    assert (imported.code, imported.err) == (0, f'3 messages imported into {letters.dead}\n')
    first_id = {'MegaMessageId': text_attribute('first-id')}
    assert contents(letters) == [
        (body, {**attributes, **first_id}, group) for body, attributes, group in before
    ]


def test_only_selected_messages_are_exported(letters: Letters) -> None:
    letters.add('{"n": 1}')
    letters.add('{"n": 2}', error='KeyError')
    pattern = json.dumps({'reason': {'error': ['KeyError']}})
    result = letters.run('export', '-', '--where', pattern)
    assert [line['Body'] for line in result.lines()] == ['{"n": 2}']
    assert result.err.endswith('1 of about 2 messages exported.\n')


def test_a_line_is_shown_by_decode(letters: Letters) -> None:
    id = letters.add('{"n": 1}')
    line = letters.run('export', '-').out
    [record] = mega('decode', '-o', 'json', stdin=line).json()
    assert (record['id'], record['payload']) == (id, {'n': 1})
    assert record['dead_letter']['error'] == 'ValueError'


def test_an_import_from_stdin_prints_the_ids(letters: Letters) -> None:
    lines = ''.join(f'{{"MessageId": "m-{n}", "Body": "b"}}\n' for n in range(2))
    arguments = ('dead-letters', 'import', '-', letters.dead, '-o', 'jsonl')
    result = mega(*arguments, stdin=lines, environment=letters.aws.environment)
    sent = [message['MessageId'] for message in letters.aws.receive(letters.dead)]
    assert result.lines() == [{'line': n + 1, 'id': f'm-{n}', 'sent_id': sent[n]} for n in range(2)]


def test_an_import_into_a_fifo_queue_keeps_order_and_groups(fifo_letters: Letters) -> None:
    for number in range(3):
        fifo_letters.add(str(number), group='g', message_id=str(number))
    lines = fifo_letters.run('export', '-').out
    fifo_letters.aws.sqs.purge_queue(QueueUrl=fifo_letters.dead)
    for _ in range(2):  # within five minutes, SQS drops the copies of the second import
        assert import_file(fifo_letters, '-', stdin=lines).code == 0
    assert [(body, group) for body, _, group in contents(fifo_letters)] == [
        (str(number), 'g') for number in range(3)
    ]


def test_an_incomplete_export_of_a_fifo_queue_is_reported(fifo_letters: Letters) -> None:
    for number in range(12):
        fifo_letters.add(str(number), group='g')
    result = fifo_letters.run('export', '-')
    assert (result.code, len(result.lines())) == (1, 10)
    assert result.err.endswith(
        'SQS returned only 10 of them: of each message group, SQS returns only the first '
        'messages.\n'
    )


@pytest.mark.parametrize(
    ('line', 'problem'),
    [
        ('{"MessageId": "m", "Body": ', 'Input data was truncated'),
        ('{"MessageId": "m"}', 'Object missing required field `Body`'),
        ('{"MessageId": "m", "Body": 5}', 'Expected `str`, got `int` - at `$.Body`'),
        ('{"MessageId": "m", "Body": ""}', 'is empty'),
        ('{"MessageId": "m", "Body": "\\u0000"}', 'contains U+0000 at character 0'),
        (f'{{"MessageId": "m", "Body": "{"x" * 1_048_577}"}}', 'is over the limit of 1,048,576'),
        (f'{{"MessageId": {"[" * 100_000}', 'Expected `str`, got `array`'),
        (f'{{"MessageId": "m", "x": {"[" * 100_000}', ''),
        ('', 'Input data was truncated'),
        ('\\xff', 'JSON is malformed'),
    ],
    ids=['cut', 'field', 'type', 'empty', 'character', 'size', 'list', 'levels', 'blank', 'text'],
)
def test_a_bad_line_is_named_and_nothing_is_imported(
    letters: Letters, tmp_path: Path, line: str, problem: str
) -> None:
    file = tmp_path / 'letters.jsonl'
    good = '{"MessageId": "m", "Body": "b"}\n'
    file.write_text(f'{good * 6}{line}\n{good}')
    result = import_file(letters, file)
    assert (result.code, result.out, result.err.count('\n')) == (1, '', 1)
    assert result.err.startswith(f'Error: line 7 of {file}: ')
    assert problem in result.err
    assert result.err.endswith('; nothing was imported\n')
    assert letters.aws.visible(letters.dead) == 0


@pytest.mark.parametrize(
    ('step', 'code', 'problem'),
    [
        (FailCall('AccessDenied', 403), 4, 'allow sqs:SendMessage on'),
        (FailCall('InvalidMessageContents'), 4, 'InvalidMessageContents'),
    ],
    ids=['permission', 'message'],
)
def test_a_failed_import_names_the_line_to_continue_from(
    letters: Letters, step: FailCall, code: int, problem: str
) -> None:
    lines = '{"MessageId": "m", "Body": "b"}\n' * 3
    letters.aws.server.script(None, step, operation='SendMessage')
    result = import_file(letters, '-', stdin=lines)
    assert result.code == code
    report, error = result.err.splitlines()
    assert report == '1 message imported; continue from line 2 of stdin'
    assert problem in error
    assert letters.aws.visible(letters.dead) == 1


def test_a_file_that_cannot_be_used_is_one_line(letters: Letters, tmp_path: Path) -> None:
    letters.add()
    existing = tmp_path / 'existing'
    existing.write_text('mine')
    for command, file, problem in (
        ('export', str(existing), 'exists: name a new file for the export'),
        ('export', str(tmp_path / 'no' / 'file'), 'cannot be written: No such file or directory'),
        ('import', str(tmp_path / 'no'), 'cannot be read: No such file or directory'),
        ('import', str(tmp_path), 'cannot be read: Is a directory'),
    ):
        run = import_file(letters, file) if command == 'import' else letters.run(command, file)
        assert (run.code, run.out) == (1, '')
        assert problem in run.err.splitlines()[-1]
    assert existing.read_text() == 'mine'
    assert letters.aws.visible(letters.dead) == 1


@pytest.mark.no_cover
@pytest.mark.parametrize('command', ['export', 'drop'])
def test_a_full_disk_is_reported_and_no_message_is_lost(
    letters: Letters, tmp_path: Path, command: str
) -> None:
    for number in range(15):
        letters.add('x' * 500, message_id=str(number))
    file = tmp_path / 'letters.jsonl'
    arguments = {'export': (str(file),), 'drop': ('--all', '--yes', '--backup', str(file))}

    def fill_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))

    with start_interpreter(
        *('dead-letters', command, letters.dead, *arguments[command], '--wait', '0'),
        environment={**letters.aws.environment, 'PYTHONDONTWRITEBYTECODE': '1'},
        preexec_fn=fill_disk,
    ) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    problem = err.splitlines()[-1]
    assert problem.startswith(f'Error: {file} cannot be written: File too large')
    letters.aws.server.advance(3_600)
    if command == 'export':
        assert problem.endswith('It is deleted, and all messages stay')
        assert not file.exists()
        assert letters.aws.visible(letters.dead) == 15
    else:
        saved = [json.loads(line)['MessageId'] for line in file.read_text().splitlines()]
        assert (len(saved), out.count('dropped')) == (10, 10)
        assert err.splitlines()[0].startswith(f'Dropped: 10, kept: 0. They are in {file}.')
        assert letters.aws.visible(letters.dead) == 5


@pytest.mark.no_cover
def test_ctrl_c_leaves_no_incomplete_export(letters: Letters, tmp_path: Path) -> None:
    letters.add()
    file = tmp_path / 'letters.jsonl'
    arguments = ('dead-letters', 'export', letters.dead, str(file), '--wait', '2')
    with start_mega(*arguments, environment=letters.aws.environment) as process:
        while not (file.exists() and file.stat().st_size):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130
    assert not file.exists()
    assert letters.aws.visible(letters.dead) == 1


@pytest.mark.no_cover
def test_ctrl_c_ends_an_import_with_the_line_to_continue_from(
    letters: Letters, tmp_path: Path
) -> None:
    file = tmp_path / 'letters.jsonl'
    file.write_text('{"MessageId": "m", "Body": "b"}\n' * 2_000)
    arguments = ('dead-letters', 'import', str(file), letters.dead)
    with start_mega(*arguments, environment=letters.aws.environment) as process:
        out = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = out + process.stdout.read(), process.stderr.read()
    imported = out.count('\n')
    assert (process.returncode, letters.aws.visible(letters.dead)) == (130, imported)
    report = f'imported; continue from line {imported + 1:,} of {file}'
    assert report in err


@pytest.mark.no_cover
def test_export_and_import_work_in_a_pipe(letters: Letters) -> None:
    letters.add('{"n": 1}', attributes=ATTRIBUTES)
    other = letters.aws.queue('other')
    exported = mega_process(
        *('dead-letters', 'export', letters.dead, '-', '--wait', '0'),
        environment=letters.aws.environment,
    )
    imported = mega_process(
        *('dead-letters', 'import', '-', other),
        stdin=exported.out,
        environment=letters.aws.environment,
    )
    assert (exported.code, imported.code) == (0, 0)
    [message] = letters.aws.receive(other)
    assert message['Body'] == '{"n": 1}'
    assert message['MessageAttributes'].keys() == {'kind', 'key', 'MegaDeadLetter', 'MegaMessageId'}


# Drop


def test_dropped_messages_are_in_the_backup(letters: Letters, tmp_path: Path) -> None:
    dropped = [letters.add(str(n), error='KeyError', attributes=ATTRIBUTES) for n in range(12)]
    letters.add('stays')
    pattern = json.dumps({'reason': {'error': ['KeyError']}})
    file = tmp_path / 'backup.jsonl'
    result = letters.run('drop', '--where', pattern, '--yes', '--backup', str(file), '-o', 'jsonl')
    assert result.code == 0
    assert [record['id'] for record in result.lines()] == dropped
    assert {record['status'] for record in result.lines()} == {'dropped'}
    assert result.err == (
        f'Dropped: 12, kept: 0. They are in {file}. All other messages stay as they were.\n'
    )
    assert [body for body, _, _ in contents(letters)] == ['stays']
    assert import_file(letters, file).code == 0
    assert sorted(body for body, _, _ in contents(letters)) == sorted(map(str, range(12)))


def test_the_backup_has_a_name_by_default(
    letters: Letters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    id = letters.add()
    assert letters.run('drop', id, '--yes').code == 0
    [file] = tmp_path.iterdir()
    assert file.name.startswith(letters.dead.rpartition('/')[2])
    assert json.loads(file.read_text())['MessageId'] == id


def test_nothing_is_written_without_a_backup_and_without_a_message(
    letters: Letters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    letters.add()
    assert letters.run('drop', '--all', '--yes', '--no-backup').code == 0
    assert letters.run('drop', '--all', '--yes').code == 0
    assert list(tmp_path.iterdir()) == []
    assert letters.aws.visible(letters.dead) == 0


def test_a_dry_run_of_drop_changes_nothing(letters: Letters) -> None:
    id = letters.add()
    result = letters.run('drop', '--all', '--dry-run')
    assert (result.code, result.out, result.err) == (0, f'{id}  would be dropped\n', '')
    assert letters.aws.visible(letters.dead) == 1


def test_a_fifo_queue_is_dropped_beyond_the_first_messages_of_a_group(
    fifo_letters: Letters,
) -> None:
    for number in range(25):
        fifo_letters.add(str(number), group='ab'[number % 2])
    result = fifo_letters.run('drop', '--all', '--yes', '--no-backup')
    assert result.err.startswith('Dropped: 25, kept: 0.')
    assert fifo_letters.aws.visible(fifo_letters.dead) == 0


def test_a_message_that_is_not_deleted_is_kept_and_in_the_backup(
    letters: Letters, tmp_path: Path
) -> None:
    ids = [letters.add(str(n)) for n in range(2)]
    letters.aws.server.script(
        FailEntries((1,), 'InternalError', 400), operation='DeleteMessageBatch'
    )
    file = tmp_path / 'backup.jsonl'
    result = letters.run('drop', '--all', '--yes', '--backup', str(file), '-o', 'json')
    assert result.code == 1
    assert [(each['id'], each['status']) for each in result.json()] == [
        (ids[0], 'dropped'),
        (ids[1], 'kept'),
    ]
    assert 'InternalError' in result.json()[1]['problem']
    assert len(file.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ('arguments', 'problem'),
    [
        ((), 'select by ids, by --where or --since or both, or by --all'),
        (('--all',), 'pass --yes'),
        (('--all', '--yes', '--backup', 'f', '--no-backup'), 'exclude each other'),
        (('--all', '--dry-run', '--no-backup'), 'have no effect with --dry-run'),
    ],
)
def test_a_wrong_use_of_drop_is_exit_code_2(
    letters: Letters, arguments: tuple[str, ...], problem: str
) -> None:
    letters.add()
    result = letters.run('drop', *arguments)
    assert (result.code, result.out) == (2, '')
    assert problem in result.err
    assert letters.aws.visible(letters.dead) == 1


def test_a_backup_that_exists_is_not_overwritten(letters: Letters, tmp_path: Path) -> None:
    letters.add()
    file = tmp_path / 'backup.jsonl'
    file.write_text('mine')
    result = letters.run('drop', '--all', '--yes', '--backup', str(file))
    assert (result.code, result.out) == (1, '')
    assert result.err == f'Error: {file} exists: name a new file for the backup\n'
    assert (file.read_text(), letters.aws.visible(letters.dead)) == ('mine', 1)


def test_a_refused_delete_leaves_all_messages_and_the_backup(
    letters: Letters, tmp_path: Path
) -> None:
    letters.add()
    letters.aws.server.script(FailCall('AccessDenied', 403), operation='DeleteMessageBatch')
    file = tmp_path / 'backup.jsonl'
    result = letters.run('drop', '--all', '--yes', '--backup', str(file))
    assert result.code == 4
    assert result.err.startswith('Dropped: 0, kept: 0.')
    assert 'allow sqs:DeleteMessage on' in result.err
    assert letters.aws.visible(letters.dead) == 1


@pytest.mark.no_cover
def test_ctrl_c_ends_a_drop_with_all_dropped_messages_in_the_backup(
    letters: Letters, tmp_path: Path
) -> None:
    lines = '{"MessageId": "m", "Body": "b"}\n' * 300
    assert import_file(letters, '-', stdin=lines).code == 0
    file = tmp_path / 'backup.jsonl'
    arguments = ('drop', letters.dead, '--all', '--yes', '--backup', str(file))
    with start_mega('dead-letters', *arguments, environment=letters.aws.environment) as process:
        out = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = out + process.stdout.read(), process.stderr.read()
    dropped = out.count('\n')
    assert process.returncode == 130
    assert letters.aws.visible(letters.dead) == 300 - dropped
    assert len(file.read_text().splitlines()) == dropped
    assert f'Dropped: {dropped}, kept: 0. They are in {file}.' in err


@pytest.mark.no_cover
@pytest.mark.parametrize('is_after', [False, True], ids=['before', 'after'])
def test_a_kill_around_a_delete_leaves_the_message_in_the_backup(
    letters: Letters, tmp_path: Path, is_after: bool
) -> None:
    id = letters.add()
    file = tmp_path / 'backup.jsonl'
    moment = Moment('DeleteMessageBatch', 1, is_after)
    with killing_proxy(letters.aws.server.endpoint_url, moment) as proxy:
        arguments = ('drop', letters.dead, '--all', '--yes', '--backup', str(file), '--wait', '0')
        environment = {**letters.aws.environment, 'AWS_ENDPOINT_URL': proxy.url}
        with start_mega('dead-letters', *arguments, environment=environment) as process:
            proxy.victims.put(process)
            process.communicate()
    assert process.returncode == -9
    assert json.loads(file.read_text())['MessageId'] == id
    letters.aws.server.advance(3_600)
    assert letters.aws.visible(letters.dead) == (0 if is_after else 1)


@pytest.mark.no_cover
@pytest.mark.parametrize(('is_right', 'left'), [(True, 0), (False, 1)], ids=['right', 'wrong'])
def test_a_terminal_asks_for_the_name_of_the_queue(
    aws: CommandAws, tmp_path: Path, is_right: bool, left: int
) -> None:
    letters = Letters(aws)
    letters.add()
    name = letters.dead.rpartition('/')[2]
    shown = mega_on_terminal(
        *('dead-letters', 'drop', letters.dead, '--all', '--wait', '0'),
        keys=f'{name if is_right else "yes"}\n',
        after='type its name',
        columns=40,
        environment=aws.environment,
        cwd=tmp_path,
    )
    assert f'To drop 1 message of {letters.dead}, type its name' in shown.out
    assert shown.code == (0 if is_right else 1)
    assert aws.visible(letters.dead) == left
    assert len(list(tmp_path.iterdir())) == 1 - left
