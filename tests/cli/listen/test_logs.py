from __future__ import annotations

import json
import logging
import pickle
import sys
from datetime import datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mega.cli.listen.log_options import log_options
from mega.cli.listen.logs import LogSettings
from mega.errors import ConfigurationError

LOG = logging.getLogger('tests.shop')

INI = """
[loggers]
keys=root
[handlers]
keys=file
[formatters]
keys=short
[logger_root]
level=WARNING
handlers=file
[handler_file]
class=FileHandler
formatter=short
args=('{file}',)
[formatter_short]
format=%(levelname)s %(message)s
"""

HANDLER = """
import logging
LINES = []
class ListHandler(logging.Handler):
    def emit(self, record):
        LINES.append(record.getMessage())
"""


pytestmark = pytest.mark.usefixtures('unchanged_logging')


# the configuration of logging


def test_the_default_logs_on_stderr_from_info_on(capsys: pytest.CaptureFixture[str]) -> None:
    LogSettings().apply()
    LOG.debug('hidden')
    LOG.info('shown')
    out, err = capsys.readouterr()
    assert out == ''
    [line] = err.splitlines()
    time, level, process, rest = line.split(' ', 3)
    assert datetime.fromisoformat(time).tzinfo is not None
    assert (level, process.isdigit(), rest) == ('INFO', True, 'tests.shop: shown')


def test_json_is_one_document_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    LogSettings(level='error', format='json').apply()
    LOG.warning('hidden')
    LOG.error('first')
    LOG.error('second')
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)['message'] for line in lines] == ['first', 'second']


def test_info_does_not_apply_to_loggers_that_log_where_settings_were_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each process would log that it found credentials."""
    LogSettings(level='info').apply()
    logging.getLogger('botocore.credentials').info('found')
    LOG.info('shown')
    assert [line.rpartition(' ')[2] for line in capsys.readouterr().err.splitlines()] == ['shown']


def test_debug_does_not_apply_to_loggers_that_would_log_bodies(
    capsys: pytest.CaptureFixture[str],
) -> None:
    LogSettings(level='debug').apply()
    logging.getLogger('botocore.endpoint').debug('a body')
    LOG.debug('shown')
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith('shown')


def test_disabled_settings_leave_the_root_logger_alone() -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    LogSettings(is_disabled=True).apply()
    assert (root.handlers, root.level) == before


def test_a_json_file_is_applied_with_classes_of_the_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'shop_logs.py').write_text(HANDLER)
    settings = {
        'version': 1,
        'handlers': {'list': {'class': 'shop_logs.ListHandler'}},
        'root': {'level': 'INFO', 'handlers': ['list']},
    }
    file = tmp_path / 'logs.json'
    file.write_text(json.dumps(settings))
    LogSettings(config=str(file)).apply(str(tmp_path))
    LOG.info('shown')
    assert sys.modules.pop('shop_logs').LINES == ['shown']


def test_an_ini_file_is_applied_and_existing_loggers_stay_enabled(tmp_path: Path) -> None:
    (tmp_path / 'logs.ini').write_text(INI.format(file=tmp_path / 'log'))
    LogSettings(config=str(tmp_path / 'logs.ini')).apply()
    LOG.warning('shown')
    assert (tmp_path / 'log').read_text() == 'WARNING shown\n'


@pytest.mark.parametrize(
    ('name', 'text', 'problem'),
    [
        ('a.json', '{', 'JSONDecodeError: Expecting'),
        ('a.json', '[]', 'it is not a JSON object'),
        ('a.json', '{}', "dictionary doesn't specify a version"),
        ('a.json', '{"version": 1, "handlers": {"a": {"class": "no.Such"}}}', 'No module named'),
        ('a.ini', '', ''),
        ('missing.ini', None, 'FileNotFoundError'),
    ],
)
def test_a_file_that_cannot_be_applied_is_named(
    name: str, text: str | None, problem: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        LogSettings(config=str(tmp_path / name)).apply()
    assert str(caught.value).startswith(f'--log-config {tmp_path / name} cannot be applied: ')
    assert problem in str(caught.value)


# the options


@click.command()
@log_options
def command(logs: LogSettings) -> None:
    click.echo(pickle.dumps(logs).hex())


def settings(*arguments: str, **environment: str) -> LogSettings:
    """Return the settings of a command line, as a child process gets them."""
    result = CliRunner().invoke(command, arguments, env=environment)
    assert result.exit_code == 0, result.output
    found = pickle.loads(bytes.fromhex(result.output))
    assert isinstance(found, LogSettings)
    return found


def test_options_and_environment_variables_become_settings(tmp_path: Path) -> None:
    file = tmp_path / 'logs.json'
    file.touch()
    assert settings() == LogSettings('info', 'text')
    assert settings('-v') == LogSettings('debug', 'text')
    assert settings('--log-level', 'ERROR', '--log-format', 'json') == LogSettings('error', 'json')
    assert settings('--log-config', str(file)) == LogSettings(config=str(file))
    assert settings('--no-log-config') == LogSettings(is_disabled=True)
    assert settings(MEGA_LOG_LEVEL='debug', MEGA_LOG_FORMAT='json') == LogSettings('debug', 'json')
    assert settings(MEGA_LOG_CONFIG=str(file)) == LogSettings(config=str(file))
    assert settings(MEGA_NO_LOG_CONFIG='1') == LogSettings(is_disabled=True)


@pytest.mark.parametrize(
    'arguments',
    [
        ['--no-log-config', '--log-level', 'debug'],
        ['--no-log-config', '-v'],
        ['--log-config', __file__, '--log-format', 'json'],
        ['--log-config', __file__, '--no-log-config'],
        ['--log-level', 'loud'],
        ['--log-config', '/no/such/file'],
    ],
)
def test_options_without_effect_are_refused(arguments: list[str]) -> None:
    assert CliRunner().invoke(command, arguments).exit_code == 2


def test_an_environment_variable_may_contradict_an_option() -> None:
    found = settings('--no-log-config', MEGA_LOG_LEVEL='debug')
    assert found.is_disabled
