"""Hooks around the messages of a publisher.

    payload -> encode -> hooks begin -> upload, send, retry -> hooks end -> message id or error

A hook begins in the thread that publishes the payload. In a batch, many messages are on their way
at the same time, so that the hooks of one message begin before those of another end. The hooks of a
buffer end in its own thread.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from msgspec import structs

from mega.aws._hooks.publishing import Outgoing, PublishHook, PublishResult
from mega.aws._hooks.running import run_with_hooks
from mega.aws._hooks.work import resume
from mega.aws._messages.attributes import from_aws, trace_header_option
from mega.aws._publishing.encoder import Encoder
from mega.aws._publishing.outgoing import OutgoingMessage, RunningHooks
from mega.errors import MegaError, PublishError

__all__ = ('begin_hooks',)


def begin_hooks(
    hooks: Sequence[PublishHook],
    encoder: Encoder,
    destination: str,
    message: OutgoingMessage,
    done: str = 'sent',
) -> OutgoingMessage:
    """Run hooks up to their `yield`, and return the message with what they added.

    `done` says in errors what happens to the message between the hooks.

    Raises:
        MegaError: the one that a hook raised.
        PublishError: if a hook raised another exception, or did not yield.
    """
    outgoing = _Outgoing(encoder, destination, message)
    try:
        generators = [hook.around_publish(outgoing) for hook in hooks]
        running = run_with_hooks(generators, _receive_result())
        resume(running, None)
    except MegaError:
        raise
    except StopIteration:
        raise PublishError(f'not {done}: a hook returned before its yield') from None
    except Exception as error:
        raise PublishError(f'not {done}: a hook raised {type(error).__name__}') from error
    return structs.replace(outgoing.message, hooks=RunningHooks(running, done))


class _Outgoing(Outgoing):
    """A message of a publisher. `message` has the attributes that hooks added."""

    def __init__(self, encoder: Encoder, destination: str, message: OutgoingMessage) -> None:
        self._encoder = encoder
        self._destination = destination
        self.message = message

    @property
    def queue_url(self) -> str | None:
        return None if self.topic_arn else self._destination

    @property
    def topic_arn(self) -> str | None:
        return self._destination if self._destination.startswith('arn:') else None

    @property
    def body(self) -> str:
        return self.message.body

    @property
    def size(self) -> int:
        return self.message.size

    @property
    def attributes(self) -> dict[str, str | bytes]:
        return from_aws(self.message.attributes)

    @property
    def group_id(self) -> str | None:
        group: str | None = self.message.options.get('MessageGroupId')
        return group

    def add_attribute(self, name: str, value: str | bytes) -> bool:
        larger = self._encoder.with_attribute(self._destination, self.message, name, value)
        if larger is None:
            return False
        self.message = larger
        return True

    def set_trace_header(self, header: str) -> bool:
        options, added = self.message.options, trace_header_option(header)
        if self.topic_arn or not options.keys().isdisjoint(added):
            return False
        self.message = structs.replace(self.message, options={**options, **added})
        return True


def _receive_result() -> Generator[Any, Any, PublishResult]:
    result: PublishResult = yield
    return result
