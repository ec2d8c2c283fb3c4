"""The errors of the library: one tree, so that `except MegaError` catches every one of them.

    MegaError
    ├ ConfigurationError (ValueError)       an option, a class or a setting cannot work
    ├ PatternError (TypeError, ValueError)  invalid pattern, raised when the pattern is declared
    ├ EventError (ValueError)               invalid MEGA event
    ├ PublishError                          payloads were not published
    │ ├ EncodeError (ValueError)            ... because a message cannot carry a value
    │ └ PayloadTooLargeError                ... because a message exceeds a size limit
    ├ ConsumeError                          a message cannot be opened or converted
    │ ├ DecodeError (ValueError)            ... because its body is invalid
    │ ├ EnvelopeError (ValueError)          ... because its SNS envelope is invalid
    │ ├ PointerError (ValueError)           ... because its S3 pointer is invalid or not allowed
    │ └ InvalidPayloadError                 ... because its payload does not fit a class
    ├ OffloadError                          S3 did not store or return an offloaded body
    ├ TransportError                        a call to AWS failed
    ├ SettlementError                       a received message cannot be settled
    └ RetriableError                        raised *by* a subscriber to receive a message again
      └ PayloadStreamError                  ... because the content of its stream cannot be read

A constructor takes data and writes the message: the problem, its place and the remedy.
An error never contains a complete body or a secret, and external input only as a shortened `repr`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeAlias

from mega.errors._other_distribution import check_package_folder
from mega.errors._texts import (
    MAX_ERROR_CHARACTERS,
    join_path,
    printable_path,
    safe_repr,
    single_line,
)

__all__ = (
    'MAX_ERROR_CHARACTERS',
    'ConfigurationError',
    'ConsumeError',
    'DecodeError',
    'EncodeError',
    'EnvelopeError',
    'EventError',
    'InvalidPayloadError',
    'MegaError',
    'OffloadError',
    'PatternError',
    'PayloadStreamError',
    'PayloadTooLargeError',
    'PointerError',
    'PublishError',
    'RetriableError',
    'Seconds',
    'SettlementError',
    'TransportError',
    'check_int',
    'check_seconds',
    'check_whole_seconds',
    'join_path',
    'safe_repr',
    'single_line',
)

check_package_folder()

Seconds: TypeAlias = float | timedelta
"""A time as users state it."""


MAX_PLACES = 5
"""The maximum number of failed payloads that the error of a batch names."""


class MegaError(Exception):
    """The root of every error of this library."""


class ConfigurationError(MegaError, ValueError):
    """An option, a class or a setting cannot work. The message says why, and what to change."""


class PatternError(MegaError, TypeError, ValueError):
    """An invalid pattern, or an invalid argument of a pattern function.

    Raised when the pattern is declared, never when a payload is matched.
    `path` leads to the value within the pattern (`''` is the pattern itself).
    """

    def __init__(self, path: str, value: object, problem: str) -> None:
        super().__init__(path, value, problem)
        self.path = path
        self.value = value
        self.problem = problem

    def __str__(self) -> str:
        where = f' at {printable_path(self.path)}' if self.path else ''
        return f'invalid pattern{where}: {safe_repr(self.value)}: {self.problem}'


class EventError(MegaError, ValueError):
    """An invalid MEGA event.

    `path` names the field, for example `event.name` or `object.current`.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f'invalid MEGA event: {printable_path(self.path)} {self.problem}'


class PublishError(MegaError):
    """Payloads were not published, or it is unknown whether they were.

    `results` contains one result for each payload of a batch, in the order of the payloads. It is
    empty if a single payload failed.
    """

    results: Sequence[Any] = ()

    @classmethod
    def of_batch(cls, results: Sequence[Any], problem: str = '') -> PublishError:
        """Return the error of a batch that was not published completely."""
        failed = [place for place, result in enumerate(results) if result.error is not None]
        counts = f'{len(failed)} of {len(results)} payloads were not published'
        if 0 < len(failed) < len(results):
            shown = ', '.join(f'[{place}]' for place in failed[:MAX_PLACES])
            others = len(failed) - MAX_PLACES
            counts += f' (.results{shown}{f" and {others} more" if others > 0 else ""})'
        first = f'the first error is: {results[failed[0]].error}' if failed else ''
        error = cls('; '.join(filter(None, (counts, problem, first))))
        error.results = results
        return error


class EncodeError(PublishError, ValueError):
    """A payload, or an option of a message, that a message cannot carry.

    `path` leads to the value within the payload (`''` is the payload itself).
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f'cannot be published: {printable_path(self.path) or "the payload"} {self.problem}'


class PayloadTooLargeError(PublishError):
    """A message that exceeds the limit of its destination, attributes included.

    Also a body that exceeds the limit of a payload store. `size` and `limit` are bytes. `advice`
    is the remedy, if there is one.
    """

    def __init__(self, size: int, limit: int, advice: str = '') -> None:
        super().__init__(size, limit, advice)
        self.size = size
        self.limit = limit
        self.advice = advice

    def __str__(self) -> str:
        problem = f'a message of {self.size:,} bytes is over the limit of {self.limit:,}'
        return f'{problem}; {self.advice}' if self.advice else problem


class ConsumeError(MegaError):
    """A message that cannot be opened. It stays in the queue, or the listener dead-letters it.

    Also a message whose payload cannot be converted for a subscriber: `InvalidPayloadError`.
    """


class DecodeError(ConsumeError, ValueError):
    """A body that is not valid in its format, or not of the type that the message is marked with.

    `format` names the part that is invalid, for example `JSON object`.
    """

    def __init__(self, problem: str, format: str = 'body') -> None:
        super().__init__(problem, format)
        self.problem = problem
        self.format = format

    def __str__(self) -> str:
        return f'invalid {self.format}: {self.problem}'


class EnvelopeError(ConsumeError, ValueError):
    """A body that looks like an SNS envelope, but is not a valid one."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f'invalid SNS envelope: {self.problem}'


class PointerError(ConsumeError, ValueError):
    """A pointer to a body in S3 that is invalid, not allowed, or leads to a different object."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f'cannot follow the S3 pointer: {self.problem}'


class InvalidPayloadError(ConsumeError):
    """A payload that does not fit the class of a typed subscriber. It will never fit.

    `path` leads to the value within the payload, for example `event.attributes.quantity`; `''` is
    the payload itself. `problem` names types and fields, and contains no value of the payload.
    """

    # Not a ValueError: a subscriber may declare ValueError as retriable.

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f'invalid payload: {printable_path(self.path) or "the payload"} {self.problem}'


class OffloadError(MegaError):
    """S3 did not store a body that was offloaded, or did not return it. The cause is the reason.

    `bucket` and `key` name the S3 object. `retriable` says whether another attempt may succeed.
    """

    def __init__(self, bucket: str, key: str, problem: str, retriable: bool = False) -> None:
        super().__init__(bucket, key, problem, retriable)
        self.bucket = bucket
        self.key = key
        self.problem = problem
        self.retriable = retriable

    def __str__(self) -> str:
        return f'offloaded body {safe_repr(self.key)} in {safe_repr(self.bucket)}: {self.problem}'


class TransportError(MegaError):
    """A call to AWS failed. The cause is the error of botocore.

    `operation` is the operation of the AWS API. `code` is the error code of AWS. If AWS did not
    answer, it is the class name of botocore's error, or `Timeout` after the time limit of the call.
    `retriable` says whether another attempt may succeed.
    """

    def __init__(self, operation: str, code: str, problem: str, retriable: bool) -> None:
        super().__init__(operation, code, problem, retriable)
        self.operation = operation
        self.code = code
        self.problem = problem
        self.retriable = retriable

    def __str__(self) -> str:
        return f'{self.operation} failed ({self.code}): {self.problem}'


class SettlementError(MegaError):
    """A message of a receiver is settled already, is lost, or was refused by a queue."""

    def __init__(self, message_id: str, problem: str) -> None:
        super().__init__(message_id, problem)
        self.message_id = message_id
        self.problem = problem

    def __str__(self) -> str:
        return f'message {safe_repr(self.message_id)} cannot be settled: {self.problem}'


class RetriableError(MegaError):
    """Raised by a subscriber to leave this message in the queue and process it again later.

    `delay` is the time until the next attempt: 0 to 43,200 seconds (the limit of SQS), or a
    `timedelta`. Without a delay, SQS delivers the message again when its visibility timeout ends.
    So it does for an invalid delay, which the listener logs. A text in place of the delay is the
    reason.
    """

    def __init__(self, delay: Seconds | str | None = None, reason: str = '') -> None:
        # This constructor accepts any value: an error raised here would count as a fatal error of
        # the subscriber, and the message would be lost. The listener checks the delay when it
        # settles the message.
        super().__init__(delay, reason)
        is_reason = isinstance(delay, str) and not reason
        self.delay = None if is_reason else delay
        self.reason = str(delay) if is_reason else reason

    def __str__(self) -> str:
        return self.reason or 'to be retried'


class PayloadStreamError(RetriableError):
    """The content of a streamed payload cannot be read from S3, or is not the published one.

    Raised by the file that `Message.open_payload` returns. In a subscriber it has the effect of a
    `RetriableError`: the message stays in the queue. `bucket` and `key` name the S3 object.
    """

    def __init__(self, bucket: str, key: str, problem: str) -> None:
        super().__init__(None, problem)
        self.args = (bucket, key, problem)  # those of this constructor, for a pickle
        self.bucket = bucket
        self.key = key
        self.problem = problem

    def __str__(self) -> str:
        return f'streamed payload {safe_repr(self.key)} in {safe_repr(self.bucket)}: {self.problem}'


RangeErrorClass: TypeAlias = type[ConfigurationError] | type[EncodeError]


def check_int(
    name: str,
    value: object,
    low: int,
    high: int,
    unit: str = '',
    error: RangeErrorClass = ConfigurationError,
) -> int:
    """Return an option that must be an int from `low` to `high`. A bool is not an int here.

    Raises:
        ConfigurationError: for any other value. Or `error`, if that is another class.
    """
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise _range_error(name, value, f'{low:,} to {high:,} {unit}'.rstrip(), error)


def check_seconds(
    name: str,
    value: object,
    low: float,
    high: float,
    error: RangeErrorClass = ConfigurationError,
) -> float:
    """Return an option that must be `low` to `high` seconds: an int, a float or a `timedelta`.

    A bool is not a number here, and NaN is not in any range.

    Raises:
        ConfigurationError: for any other value. Or `error`, if that is another class.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if is_number and low <= seconds <= high:  # type: ignore[operator]
        return seconds  # type: ignore[return-value]
    raise _range_error(name, value, f'{low:,} to {high:,} seconds', error)


def check_whole_seconds(
    name: str,
    value: object,
    low: int,
    high: int,
    error: RangeErrorClass = ConfigurationError,
) -> int:
    """Return an option that must be `low` to `high` whole seconds: an int or a `timedelta`.

    Raises:
        ConfigurationError: for any other value. Or `error`, if that is another class.
    """
    seconds = value
    if isinstance(value, timedelta) and not value.microseconds:
        seconds = int(value.total_seconds())
    if isinstance(seconds, int) and not isinstance(seconds, bool) and low <= seconds <= high:
        return seconds
    raise _range_error(name, value, f'{low:,} to {high:,} whole seconds', error)


def _range_error(name: str, value: object, span: str, error: RangeErrorClass) -> MegaError:
    if issubclass(error, EncodeError):
        return error(name, f'is {safe_repr(value)}: must be {span}')
    return error(f'{name}={safe_repr(value)}: must be {span}')
