"""`mega dead-letters redrive --edit`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from mega.aws.sns import SnsPublisher
from mega.codec import encode
from tests.cli.command import Result, mega_on_terminal
from tests.cli.dead_letters.conftest import Letters, text_attribute

EVENT = '{"protocol":"mega","version":1,"event":{"name":"a","timestamp":"2026-03-01T09:30:00.000"}}'


@pytest.fixture
def write_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes a Python program the editor. `text` is the text of the file."""

    def write(program: str) -> None:
        editor = tmp_path / 'editor with spaces.py'
        editor.write_text(
            'import sys\n'
            'from pathlib import Path\n'
            'file = Path(sys.argv[1])\n'
            'text = file.read_bytes().decode()\n'
            f'{program}\n'
        )
        monkeypatch.delenv('VISUAL', raising=False)
        monkeypatch.setenv('EDITOR', shlex.join([sys.executable, str(editor)]))

    return write


def redrive(letters: Letters) -> Result:
    return letters.run('redrive', '--all', '--yes', '--edit', '--to', letters.orders, '-o', 'json')


def sent_bodies(letters: Letters) -> list[str]:
    return [message['Body'] for message in letters.aws.receive(letters.orders)]


def problem(result: Result) -> str:
    assert result.code == 1
    [record] = result.json()
    assert record['status'] == 'kept'
    return str(record['problem'])


def test_the_editor_shows_indented_json_and_the_change_is_sent_without_spaces(
    letters: Letters, write_editor: Any, tmp_path: Path
) -> None:
    letters.add('{"amount":-5.0,  "name":"Zoë"}')
    shown = tmp_path / 'shown'
    write_editor(f'Path({str(shown)!r}).write_text(text); file.write_text(text.replace("-", ""))')
    assert redrive(letters).code == 0
    assert shown.read_text() == '{\n  "amount": -5.0,\n  "name": "Zoë"\n}'
    assert sent_bodies(letters) == ['{"amount":5.0,"name":"Zoë"}']


@pytest.mark.parametrize(
    'program',
    ['pass', 'file.write_text(text + "\\n")', 'file.touch()'],
    ids=['untouched', 'newline at the end', 'saved'],
)
@pytest.mark.parametrize('body', ['{"a":1,  "b":1e400}', 'text\r\n ', '{"broken', EVENT])
def test_an_unchanged_payload_keeps_its_body(
    letters: Letters, write_editor: Any, program: str, body: str
) -> None:
    letters.add(body)
    write_editor(program)
    assert redrive(letters).code == 0
    assert sent_bodies(letters) == [body]


def test_an_invalid_body_can_be_repaired(letters: Letters, write_editor: Any) -> None:
    letters.add('{"amount": 5')
    write_editor('file.write_text(text + "}\\n")')
    assert redrive(letters).code == 0
    assert sent_bodies(letters) == ['{"amount": 5}']


def test_the_message_in_an_envelope_is_edited(letters: Letters, write_editor: Any) -> None:
    topic = letters.aws.topic(letters.dead)
    with SnsPublisher(topic, **letters.aws.server.credentials) as publisher:
        publisher.publish({'amount': 5}, subject='Order')
    write_editor('file.write_text(text.replace("5", "7"))')
    assert redrive(letters).code == 0
    [envelope] = map(json.loads, sent_bodies(letters))
    assert (envelope['Message'], envelope['Subject']) == ('{"amount":7}', 'Order')


@pytest.mark.parametrize(
    ('body', 'program', 'expected'),
    [
        ('{"amount": 5}', 'file.write_text("{")', 'the edited payload is invalid: invalid JSON'),
        ('{"amount": 5}', 'file.write_text("")', 'the edited payload is invalid: '),
        ('{"amount": 5}', 'file.write_text("text")', 'it would be read as text, and was data'),
        (EVENT, 'file.write_text("{}")', 'it would be read as data, and was event'),
        ('text', 'file.write_text("{}")', 'it would be read as data, and was text'),
        ('{"amount": 5}', 'file.write_bytes(b"\\xff")', 'the edited payload is not UTF-8 text'),
        ('{"amount": 5}', 'sys.exit(3)', 'the editor ended with the exit code 3'),
    ],
)
def test_an_invalid_edit_keeps_the_message(
    letters: Letters, write_editor: Any, body: str, program: str, expected: str
) -> None:
    letters.add(body)
    write_editor(program)
    assert expected in problem(redrive(letters))
    assert letters.aws.visible(letters.dead) == 1


def test_a_binary_payload_is_not_edited(letters: Letters, write_editor: Any) -> None:
    letters.add(encode({'amount': 5}, binary_encoding=True))
    write_editor('raise SystemExit("not called")')
    assert problem(redrive(letters)) == (
        'its payload is binary or in S3: --edit is for JSON and text'
    )


def test_an_offloaded_payload_is_not_edited(letters: Letters, write_editor: Any) -> None:
    pointer = (
        '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"k"}]'
    )
    size = {'ExtendedPayloadSize': {'DataType': 'Number', 'StringValue': '5'}}
    letters.add(pointer, attributes=size)
    write_editor('raise SystemExit("not called")')
    assert 'in S3' in problem(redrive(letters))


def test_the_marked_type_of_a_text_remains(letters: Letters, write_editor: Any) -> None:
    letters.add('{not json', attributes={'MegaPayloadType': text_attribute('text')})
    write_editor('file.write_text("{still not json")')
    assert redrive(letters).code == 0
    assert sent_bodies(letters) == ['{still not json']


@pytest.mark.parametrize(
    ('editor', 'expected'),
    [
        ('', 'no editor: set the environment variable EDITOR'),
        ('no-such-editor', "'no-such-editor' cannot be run: No such file or directory"),
        ('"', "EDITOR is '\"': No closing quotation"),
    ],
)
def test_an_editor_that_cannot_be_run_is_one_line(
    letters: Letters, monkeypatch: pytest.MonkeyPatch, editor: str, expected: str
) -> None:
    letters.add()
    monkeypatch.delenv('VISUAL', raising=False)
    monkeypatch.setenv('EDITOR', editor)
    result = redrive(letters)
    assert result.code == 1
    assert result.err.splitlines()[-1] == f'Error: {expected}'
    assert letters.aws.visible(letters.dead) == 1


@pytest.mark.no_cover
def test_a_terminal_offers_to_edit_an_invalid_payload_again(
    letters: Letters, write_editor: Any
) -> None:
    letters.add('{"amount": 5}')
    write_editor('file.write_text(\'{"amount": 7}\' if text.endswith("{") else text + "{")')
    shown = mega_on_terminal(
        *('dead-letters', 'redrive', letters.dead, '--all', '--yes', '--edit', '--wait', '0'),
        keys='y\n',
        after='Edit it again?',
        environment=letters.aws.environment,
    )
    assert shown.code == 0
    assert 'is invalid: invalid JSON object' in shown.out
    assert sent_bodies(letters) == ['{"amount":7}']
