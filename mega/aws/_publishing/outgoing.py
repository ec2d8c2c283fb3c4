"""A message on its way to AWS, and its hooks."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from mega.aws._hooks.publishing import PublishResult
from mega.aws._hooks.work import resume
from mega.aws._publishing.batch_planner import PlannedMessage
from mega.aws.s3.upload import Upload
from mega.errors import PublishError, safe_repr

__all__ = ('EncodedMessage', 'OutgoingMessage', 'PlannedOutgoing', 'RunningHooks')

# There is one of each for every payload. A Struct of msgspec is created in a quarter of the time of
# a frozen dataclass.


class EncodedMessage(NamedTuple):
    """A message before its size is checked. `attributes` and `options` have AWS's form."""

    body: str
    attributes: dict[str, Any]
    options: dict[str, Any]


class OutgoingMessage(Struct, frozen=True):
    """A message as AWS accepts it.

    `attributes` and `options` have AWS's names and form. `size` is the size that AWS counts, in
    bytes. `upload` is the body that must be in S3 before the message is sent. `hooks` wait for the
    result.
    """

    body: str
    attributes: dict[str, Any]
    options: dict[str, Any]
    size: int
    upload: Upload | None = None
    hooks: RunningHooks | None = None

    def finished(self, result: PublishResult) -> PublishResult:
        """Return the final result of the message, after its hooks have seen it."""
        return result if self.hooks is None else self.hooks.finish(result)


class RunningHooks:
    """The hooks of one message, which have begun and wait for its result.

    `work` receives the result, and returns it or another one. `done` says in errors what happened
    to the message: sent, or written to an outbox.
    """

    def __init__(self, work: Generator[Any, Any, PublishResult], done: str) -> None:
        self._work: Generator[Any, Any, PublishResult] | None = work
        self._done = done

    def finish(self, result: PublishResult) -> PublishResult:
        """Pass the result to the hooks, and return the final one. Later calls have no effect."""
        work, self._work = self._work, None
        if work is None:
            return result
        try:
            resume(work, result)
        except StopIteration as end:
            if isinstance(end.value, PublishResult):
                return end.value
            problem = f'returned {safe_repr(end.value)}, which is not a PublishResult'
            return PublishResult(result.message_id, self._error(result, problem))
        except Exception as error:
            failure = self._error(result, f'raised {type(error).__name__}')
            failure.__cause__ = error
            return PublishResult(result.message_id, failure)
        raise AssertionError('the work ends with the result')

    def _error(self, result: PublishResult, problem: str) -> PublishError:
        if result.message_id is None:
            return PublishError(f'a hook {problem}, after: {result.error}')
        done = f'the message {result.message_id} was {self._done}'
        return PublishError(f'{done}, but a hook {problem}')


PlannedOutgoing: TypeAlias = PlannedMessage[OutgoingMessage | None]
"""A message of a plan. Its content is None if the payload cannot be sent."""
