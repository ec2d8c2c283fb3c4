"""The commands in docs/dead-letters.md run, one after another, and print what the page shows.

The page has other ids, times and URLs than the test. Each id of the page stands for the id that a
command printed in its place.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import validate_parameters

from mega.cli.dead_letters.redriving import command as redrive
from mega.cli.dead_letters.showing import command as show
from mega.local import LocalAws
from tests.cli.command import mega
from tests.cli.conftest import CommandAws

pytestmark = pytest.mark.no_cover

PAGE = Path(__file__).parents[3] / 'docs' / 'dead-letters.md'
PAGE_SERVER = 'https://sqs.eu-west-1.amazonaws.com'
ID = re.compile(r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')
TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00)?|\d{8}T\d{6}Z')

RECEIVING = re.compile(r'mega (?:explain|dead-letters (?!import)\w+)')
"""The commands that wait a second for messages, which the test shortens."""


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language in the page."""
    if not PAGE.exists():
        pytest.skip('only a checkout has it, an installed package does not')
    return re.findall(rf'^```{language}\n(.*?)^```$', PAGE.read_text(), re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, str]]:
    """Yield the commands of the page, each with its output."""
    for block in blocks('console'):
        for part in re.split(r'^\$ ', block, flags=re.MULTILINE)[1:]:
            command, _, output = part.replace('\\\n', '').partition('\n')
            yield command, output


class Shell:
    """Runs commands of the page."""

    def __init__(self, aws: CommandAws) -> None:
        self._aws = aws
        self._ids: dict[str, str] = {}

    def run(self, command: str, expected: str) -> tuple[str, str]:
        """Run a command, and return both outputs without what differs in each run."""
        for id in ID.findall(command):
            command = command.replace(id, self._ids[id])
        output = self._output(RECEIVING.sub(r'\g<0> --wait 0', command))
        output = output.replace(self._aws.server.endpoint_url, PAGE_SERVER)
        self._ids.update(zip(ID.findall(expected), ID.findall(output), strict=False))
        for id, own in self._ids.items():
            output = output.replace(own, id)
        return _without_times(output), _without_times(expected)

    def _output(self, command: str) -> str:
        """Run a command in this process, or a pipe in a shell, and return what a terminal shows."""
        environment = {**self._aws.environment, 'COLUMNS': '100'}
        if '|' not in command:
            arguments = shlex.split(command)[1:]
            return mega(*arguments, environment=environment, merged=True).out
        ended = subprocess.run(
            re.sub(r'^mega ', f'{sys.executable} -m mega ', command),
            shell=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            env={**os.environ, **environment},
            check=False,
        )
        return ended.stdout


def _without_times(text: str) -> str:
    return TIME.sub('TIME', text)


def add_letters(aws: CommandAws, directory: Path) -> None:
    """Create the queues of the page, with the messages that failed there."""
    dead = aws.server.create_queue('orders-dead')
    policy = {'deadLetterTargetArn': aws.arn(dead), 'maxReceiveCount': 5}
    aws.server.create_queue('orders', RedrivePolicy=policy)
    for number, (error, text, body) in enumerate(
        [
            ('KeyError', "'warehouse'", {'order': 1, 'quantity': 5}),
            ('KeyError', "'warehouse'", {'order': 2, 'quantity': 120}),
            ('ValueError', 'the quantity is negative', {'order': 3, 'quantity': -5}),
        ]
    ):
        reason = {
            'error': error,
            'text': text,
            'subscriber': 'Restock',
            'message_id': f'0c1d2e3f-0000-4000-8000-00000000000{number}',
            'source_queue': f'{PAGE_SERVER}/123456789012/orders',
            'receive_count': 1,
            'sent': '2026-03-01T09:30:00.000',
            'first_received': '2026-03-01T09:30:00.120',
            'dead_lettered': '2026-03-01T09:30:00.250',
        }
        attribute = {'DataType': 'String', 'StringValue': json.dumps(reason)}
        aws.sqs.send_message(
            QueueUrl=dead,
            MessageBody=json.dumps(body),
            MessageAttributes={'MegaDeadLetter': attribute},
        )
    (directory / 'shop').mkdir()
    [worker] = blocks('python')
    (directory / 'shop' / 'worker.py').write_text(worker)


def test_the_commands_print_what_the_page_shows_and_need_its_permissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, 'shop', raising=False)  # that of another document
    with LocalAws() as server, closing(CommandAws(server)) as aws:
        add_letters(aws, tmp_path)
        before = Counter(server.counts().calls)
        shell = Shell(aws)
        for command, expected in commands():
            output, shown = shell.run(command, expected)
            assert output == shown, command
        called = Counter(server.counts().calls) - before
    policy = json.loads(blocks('json')[0])
    permitted = {action for each in policy['Statement'] for action in each['Action']}
    assert {f'sqs:{operation.removesuffix("Batch")}' for operation in called} <= permitted


def test_the_page_lists_the_options_of_redrive() -> None:
    """The options that other commands have, too, are not listed."""
    text = PAGE.read_text() if PAGE.exists() else pytest.skip('only a checkout has it')
    table = text[text.index('| option | meaning |') : text.index('**Destination.**')]
    own = {option for each in redrive.params for option in each.opts if option.startswith('-')}
    shared = {option for each in show.params for option in each.opts}
    assert set(re.findall(r'`(--?[a-z-]+)', table)) == own - shared


def test_the_alarm_is_a_valid_request() -> None:
    alarm: Any = json.loads(blocks('json')[1])
    model = Session().get_service_model('cloudwatch').operation_model('PutMetricAlarm')
    assert model.input_shape is not None
    validate_parameters(alarm, model.input_shape)
