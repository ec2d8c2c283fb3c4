"""Hooks: user code around each delivery, each subscriber and each message that is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from mega.aws._hooks.publishing import PublishHook, replaced_instrumentation
from mega.aws._hooks.running import HookGenerator, check_hooks, hooks_with
from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.processing.settlement import Settlement
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.codec import AnyPayload

__all__ = (
    'DeliveryResult',
    'Hook',
    'Hooks',
    'SettlementCall',
)


class SettlementCall(Struct, frozen=True):
    """A call to SQS that settled a message, or failed to.

    `operation` is `DeleteMessage`, `ChangeMessageVisibility` or `SendMessage`. `queue_url` is the
    queue of the message, or for `SendMessage` the dead-letter queue. One call may settle up to ten
    messages. `duration` is in seconds.
    """

    operation: str
    queue_url: str
    duration: float
    is_successful: bool


class DeliveryResult(Struct):
    """The result of one delivery: the outcomes of the subscribers, and the settlement.

    `duration` is in seconds, from the start of the first subscriber to the settlement.
    `call_observers` are functions that a hook adds, in the result that it returns. A listener calls
    each of them after every call that settles the message, in the thread of the call. A failed call
    is repeated, and a message whose visibility timeout is to end by itself needs no call.
    """

    outcomes: Sequence[Outcome]
    settlement: Settlement
    duration: float = 0.0
    call_observers: list[Callable[[SettlementCall], object]] = []


class Hook(PublishHook):
    """User code around deliveries, subscribers and published messages. Override a method.

    A listener runs `around_delivery` and `around_subscriber`, and a publisher `around_publish`.
    Each method is a generator that yields exactly once. The code before the `yield` runs before the
    processing, and the code after it runs after the processing. The `yield` returns the result.
    A `return` of another result replaces it. A `return` before the `yield` replaces the processing,
    but not the sending of a message:

        class Timing(Hook):
            def around_subscriber(self, subscriber, message, payload):
                outcome = yield
                metrics.timing(subscriber.__name__, outcome.duration)

    - One instance serves all deliveries. Several threads call it at the same time.
    - If all subscribers of a message are `async def`, the event loop calls it. It must not block:
      `yield from blocking(function, argument)` calls a function that may block.
    - A hook that raises counts as a subscriber that asks for a retry: the message stays in the
      queue. The hooks around it receive the exception at their `yield`.
    - An invalid result, such as an outcome without a `ProcessStatus`, has the same effect, after
      all hooks ended.
    """

    def check(self) -> None:
        """Check that the hook can work. Each run of a listener begins with it, and may not begin.

        Raises:
            ConfigurationError: if the hook cannot work. It says why, and what to change.
        """

    def around_delivery(self, message: Message) -> HookGenerator[DeliveryResult]:
        """Run around the processing of a message, without its deletion."""
        yield
        return None

    def around_subscriber(
        self, subscriber: Subscriber, message: Message, payload: AnyPayload
    ) -> HookGenerator[Outcome]:
        """Run around one subscriber."""
        yield
        return None


class Hooks:
    """The hooks of a listener, by the method that each of them overrides.

    Raises:
        ConfigurationError: for an object that is not a `Hook`.
    """

    def __init__(self, hooks: Iterable[object] = ()) -> None:
        self.all = check_hooks(hooks, Hook)
        self.replaced_instrumentation = replaced_instrumentation(self.all)
        self.of_deliveries = hooks_with('around_delivery', self.all, Hook)
        self.of_subscribers = hooks_with('around_subscriber', self.all, Hook)

    def check(self) -> None:
        """Check that all hooks can work.

        Raises:
            ConfigurationError: if a hook cannot work.
        """
        for hook in self.all:
            hook.check()
