"""The logs of `mega listen`: on stderr, as text or JSON, or as a configuration of the user says.

text   2026-11-29T14:02:31.482+01:00 WARNING 4711 mega.aws.sqs.subscribe: message 61fc was ...
json   {"time": "2026-11-29T14:02:31.482+01:00", "level": "WARNING", "logger": ..., "message": ...}

The parent and each child apply the same settings. A child applies them before it imports its
target, so that the target may configure `logging` in its own way.
"""

from __future__ import annotations

import json
import logging
import logging.config
import sys
from dataclasses import dataclass
from pathlib import Path

from mega.errors import ConfigurationError
from mega.logging import DeliveryFilter, JsonFormatter, format_time

__all__ = ('FORMATS', 'LEVELS', 'LogSettings')

LEVELS = ('debug', 'info', 'warning', 'error', 'critical')
FORMATS = ('text', 'json')

_TEXT = '%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s'

_LOGGERS_OF_AWS = ('boto3', 'botocore', 's3transfer', 'urllib3')
"""At INFO, these log where each process found its settings. At DEBUG, they log message bodies and
the signatures of requests."""

_AWS_LEVELS = {'debug': logging.INFO, 'info': logging.WARNING}


@dataclass(frozen=True)
class LogSettings:
    """What to log, and how. `config` is a file that replaces level and format.

    If `is_disabled`, nothing is configured, and the root logger stays as it is.
    """

    level: str = 'info'
    format: str = 'text'
    config: str | None = None
    is_disabled: bool = False

    def apply(self, app_dir: str = '.') -> None:
        """Configure `logging`. Classes that the file names are also found in `app_dir`.

        Raises:
            ConfigurationError: for a file that cannot be read or applied.
        """
        if self.is_disabled:
            return
        if self.config is not None:
            _apply_file(Path(self.config), app_dir)
            return
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(DeliveryFilter())
        handler.setFormatter(JsonFormatter() if self.format == 'json' else _TextFormatter(_TEXT))
        logging.basicConfig(handlers=[handler], level=self.level.upper(), force=True)
        if self.level in _AWS_LEVELS:
            for name in _LOGGERS_OF_AWS:
                logging.getLogger(name).setLevel(_AWS_LEVELS[self.level])


class _TextFormatter(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return format_time(record)


def _apply_file(file: Path, app_dir: str) -> None:
    """Apply a JSON file in the schema of `dictConfig`, or a file in the format of `fileConfig`.

    Existing loggers stay enabled unless the file says otherwise: the library has created its own.
    """
    directory = str(Path(app_dir).resolve())
    if directory not in sys.path:
        sys.path.insert(0, directory)
    try:
        if file.suffix.lower() == '.json':
            settings = json.loads(file.read_text(encoding='utf-8'))
            if not isinstance(settings, dict):
                raise ValueError('it is not a JSON object')
            logging.config.dictConfig({'disable_existing_loggers': False, **settings})
        else:
            file.read_bytes()  # fileConfig of Python 3.11 and older ignores a missing file
            logging.config.fileConfig(file, disable_existing_loggers=False, encoding='utf-8')
    except Exception as error:  # a class that the file names may raise anything
        cause = error.__cause__ or error
        problem = f'cannot be applied: {type(cause).__name__}: {cause}'
        raise ConfigurationError(f'--log-config {file} {problem}') from error
