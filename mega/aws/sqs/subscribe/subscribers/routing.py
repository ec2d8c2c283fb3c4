"""The router: the subscribers that match a payload, and the reasons why others do not."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator

from mega.aws.sqs.subscribe.subscribers.registration import check_subscriber
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber, explain_match
from mega.aws.sqs.subscribe.subscribers.typed import EventConversion
from mega.codec import AnyPayload, Publishable
from mega.errors import ConfigurationError, safe_repr
from mega.event import Event, Payload
from mega.match.explanation import Explanations
from mega.match.functions import any_
from mega.match.pattern_set import PatternSet

__all__ = ('Router',)

_PAYLOAD_CLASSES = (Payload, dict, str, bytes)


class Router:
    """The registered subscriber classes, in order, with an index of their patterns.

    Each class of payload has its own index, because most subscribers accept only one class.
    """

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []
        self._async: set[Subscriber] = set()
        self._pattern_sets: dict[type, PatternSet[Subscriber]] = {
            kind: PatternSet() for kind in _PAYLOAD_CLASSES
        }

    def register(self, subscriber: Subscriber) -> None:
        """Add a subscriber class.

        Raises:
            ConfigurationError: for an object that is not a subscriber class, a class that the
                listener could not use, or a class that is registered already.
        """
        checked = check_subscriber(subscriber)
        if checked in self._subscribers:
            raise ConfigurationError(f'{checked.__name__} is registered already')
        self._subscribers.append(checked)
        if inspect.iscoroutinefunction(checked.process):
            self._async.add(checked)
        for kind, pattern_set in self._pattern_sets.items():
            if issubclass(kind, checked.payload_classes):
                pattern_set.add(
                    any_() if checked.compiled_pattern is None else checked.compiled_pattern,
                    checked,
                )

    def unregister(self, subscriber: Subscriber) -> None:
        """Remove a subscriber class.

        Raises:
            ConfigurationError: for a class that is not registered, or that is the only one.
        """
        name = getattr(subscriber, '__name__', safe_repr(subscriber))
        if subscriber not in self._subscribers:
            raise ConfigurationError(f'{name} is not registered')
        if len(self._subscribers) == 1:
            problem = 'no message would match any more: register another subscriber first'
            raise ConfigurationError(f'{name} is the only subscriber: {problem}')
        self._subscribers.remove(subscriber)
        self._async.discard(subscriber)
        for kind, pattern_set in self._pattern_sets.items():
            if issubclass(kind, subscriber.payload_classes):
                pattern_set.remove(subscriber)

    def build(self) -> None:
        """Build the indexes, so that the first message does not wait for them."""
        for pattern_set in self._pattern_sets.values():
            pattern_set.build()

    def match(
        self, payload: AnyPayload
    ) -> tuple[list[Subscriber], list[tuple[Subscriber, BaseException]]]:
        """Return the subscribers that match a payload, and those whose pattern raised, with why."""
        undecided: list[tuple[Subscriber, BaseException]] = []
        kind = type(payload) if type(payload) in self._pattern_sets else _payload_class(payload)
        return self._pattern_sets[kind].match(payload, undecided), undecided

    def all_async(self, subscribers: Collection[Subscriber]) -> bool:
        """Return whether all of these subscribers are `async def`, and there is at least one."""
        if not self._async or not subscribers:
            return False
        return self._async.issuperset(subscribers)

    def outdated(self, event: Event) -> list[Subscriber]:
        """Return the typed subscribers whose class describes an event only in older versions."""
        return [
            each
            for each in self._subscribers
            if isinstance(each.conversion, EventConversion) and each.conversion.is_older_than(event)
        ]

    def explain(self, payload: Publishable) -> Explanations[Subscriber]:
        """Return for each subscriber why it matches a payload or not.

        An event may be given as a `dict`.

        Raises:
            EventError: for a `dict` that is marked as a MEGA event but is not a valid one.
        """
        return Explanations((each, explain_match(each, payload)) for each in self._subscribers)

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._subscribers)

    def __len__(self) -> int:
        return len(self._subscribers)


def _payload_class(payload: AnyPayload) -> type:
    return next(kind for kind in _PAYLOAD_CLASSES if isinstance(payload, kind))
