"""The log records of the library: what they are about, and their form as JSON.

Each record of a logger under `mega` has the attribute `mega`, a dict. In a listener it has the name
of the queue. While a message is processed, the dict also has the message and the subscriber:

    the record    WARNING 'Restock: retriable error: message 61fc: TimeoutError in get (...)'
    record.mega   {'queue': 'orders', 'message_id': '61fc', 'receive_count': 2,
                   'subscriber': 'Restock', 'status': 'retriable_error', 'error': 'TimeoutError'}

Context variables hold the queue, the message and the subscriber. Each delivery has its own copy of
them, in a thread as well as in an event loop. Therefore records of other loggers can have the same
dict during a delivery: see `DeliveryFilter`.

The text of a warning or an error ends with a code, which is also the field `code`. The code is the
heading of an entry in `docs/troubleshooting.md`:

    _log.warning('thread %s is still running', name, code='thread-left-behind', extra=about())
    the record    WARNING 'thread mega-1 is still running [thread-left-behind]'
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter

__all__ = (
    'DeliveryFilter',
    'JsonFormatter',
    'about',
    'bind_message',
    'bind_subscriber',
    'current_delivery',
    'format_time',
    'get_logger',
    'with_queue',
)


class _Message(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def receive_count(self) -> int: ...
    @property
    def queue_name(self) -> str | None: ...


# Objects, and not their names: a delivery without a log record only pays for setting them.
_QUEUE: ContextVar[str | None] = ContextVar('mega_queue', default=None)
_MESSAGE: ContextVar[_Message | None] = ContextVar('mega_message', default=None)
_SUBSCRIBER: ContextVar[type | None] = ContextVar('mega_subscriber', default=None)


def current_delivery() -> dict[str, Any]:
    """Return what this thread or task processes; an empty dict outside of a listener.

    The keys are `queue` (its name), `message_id`, `receive_count` and `subscriber` (the name of the
    class). Keys without a value are missing: there is no subscriber in `around_delivery` of a hook.
    The dict is a new one. Threads that a subscriber starts are outside of the delivery, unless they
    run in a copy of its context: see `contextvars`.
    """
    found: dict[str, Any] = {}
    message, subscriber = _MESSAGE.get(), _SUBSCRIBER.get()
    queue = _QUEUE.get() if message is None else message.queue_name
    if queue is not None:
        found['queue'] = queue
    if message is not None:
        found['message_id'] = message.id
        found['receive_count'] = message.receive_count
    if subscriber is not None:
        found['subscriber'] = subscriber.__name__
    return found


def about(**fields: object) -> dict[str, dict[str, Any]]:
    """Return the `extra` of a log record: the current delivery, and more fields."""
    return {'mega': {**current_delivery(), **fields}}


class _Logger(Adapter):
    """A logger that never raises, so that a faulty log handler of a program cannot end a listener.

    It writes the exceptions of log handlers to stderr. Among the arguments of a record, a text
    replaces each exception. Programs keep records, and an exception keeps the frames of its
    traceback, with their connections and payloads.
    """

    def log(self, level: int, msg: object, *args: object, **options: Any) -> None:
        try:
            texts = [str(each) if isinstance(each, BaseException) else each for each in args]
            if code := options.pop('code', ''):
                msg, texts = _with_code(str(msg), texts, code)
                options['extra'] = {'mega': {**options['extra']['mega'], 'code': code}}
            # Not by `super()`: Python 3.10 would name this function as the one that logged.
            self.logger.log(level, msg, *texts, stacklevel=2, **options)
        except Exception as error:
            with suppress(Exception):  # stderr may be closed
                sys.stderr.write(f'{self.logger.name}: a log handler failed: {error!r}\n')


def _with_code(text: str, arguments: list[object], code: str) -> tuple[str, list[object]]:
    """Add a code to the end of a text: before the traceback, if the last argument is one."""
    if arguments and isinstance(last := arguments[-1], str) and '\n' in last:
        line, _, others = last.partition('\n')
        return text, [*arguments[:-1], f'{line} [{code}]\n{others}']
    return f'{text} [{code}]', arguments


def get_logger(name: str) -> _Logger:
    """Return the logger of a module."""
    return _Logger(logging.getLogger(name), None)


@contextmanager
def with_queue(name: str) -> Iterator[None]:
    """Let the log records within the block be about a queue."""
    token = _QUEUE.set(name)
    try:
        yield
    finally:
        _QUEUE.reset(token)


def bind_message(message: _Message) -> None:
    """Let the log records of this context be about a message.

    The caller runs each delivery in a copy of its context: `copy_context().run`.
    """
    _MESSAGE.set(message)


def bind_subscriber(subscriber: type | None) -> None:
    """Let the log records of this context be about a subscriber, until the next call."""
    _SUBSCRIBER.set(subscriber)


class DeliveryFilter(logging.Filter):
    """Gives the records of all loggers the attribute `mega`, if they are logged in a delivery.

    Add it to a handler. It lets every record through, and does not change a record of `mega`:

        handler.addFilter(DeliveryFilter())
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the attribute, and return True."""
        if not hasattr(record, 'mega') and (delivery := current_delivery()):
            record.mega = delivery
        return True


_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {'asctime', 'message', 'taskName'}
"""The attributes of every record. The others are from `extra`."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON, in ASCII.

    The keys are `time` (ISO-8601 with its zone), `level`, `logger`, `process` (the id), `message`,
    `exception` and `stack` (if the record has them), and the keys of `extra`. A key of `extra` that
    is among the others gets the prefix `extra.`. A value that is not JSON is its text. If its text
    cannot be made, it is the name of its type, such as `<Order>`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        document: dict[str, object] = {
            'time': format_time(record),
            'level': record.levelname,
            'logger': record.name,
            'process': record.process,
            'message': record.getMessage(),
        }
        if record.exc_info or record.exc_text:
            text = record.exc_text or self.formatException(record.exc_info)  # type: ignore[arg-type]
            document['exception'] = text
        if record.stack_info:
            document['stack'] = self.formatStack(record.stack_info)
        extra = {name: value for name, value in vars(record).items() if name not in _KNOWN}
        for name, value in extra.items():
            document[f'extra.{name}' if name in document else name] = _json_value(value)
        return json.dumps(document)


def format_time(record: logging.LogRecord) -> str:
    """Return the time of a record in ISO-8601, with milliseconds and the local zone."""
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec='milliseconds')


def _json_value(value: object) -> object:
    """Return a value if JSON can represent all of it, otherwise its text, or at least its type."""
    try:
        json.dumps({'': value}, allow_nan=False)  # as deep as in the document
    except Exception:  # the methods of the value may raise any
        return _text(value)
    return value


def _text(value: object) -> str:
    try:
        return repr(value) if isinstance(value, (dict, list, tuple)) else str(value)
    except Exception:  # also a RecursionError, if the value is nested too deeply
        return f'<{type(value).__name__}>'
