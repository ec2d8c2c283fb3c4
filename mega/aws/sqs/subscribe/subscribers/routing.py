"""The subscribers of a listener: who wants a payload, and why the others do not."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator

from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber, check_subscriber
from mega.codec import AnyPayload
from mega.errors import ConfigurationError
from mega.event import Payload, is_mega_event
from mega.match import Explanation, Explanations, Finding, PatternSet, explain
from mega.match.functions import any_, is_a

__all__ = ('Router',)

_KINDS = (Payload, dict, str, bytes)


class Router:
    """Subscriber classes in the order in which they were registered, and what each wants."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []
        self._async: set[Subscriber] = set()
        self._wanted: dict[type, PatternSet[Subscriber]] = {kind: PatternSet() for kind in _KINDS}

    def register(self, subscriber: Subscriber) -> None:
        """Add a subscriber class.

        Raises:
            ConfigurationError: for what is none, cannot be made, or is registered already.
        """
        checked = check_subscriber(subscriber)
        if checked in self._subscribers:
            raise ConfigurationError(f'{checked.__name__} is registered already')
        self._subscribers.append(checked)
        if inspect.iscoroutinefunction(checked.process):
            self._async.add(checked)
        for kind, wanted in self._wanted.items():
            if issubclass(kind, checked.payload_kind):
                wanted.add(any_() if checked.wants is None else checked.wants, checked)

    def match(
        self, payload: AnyPayload
    ) -> tuple[list[Subscriber], list[tuple[Subscriber, BaseException]]]:
        """The subscribers that want a payload, and those that cannot tell, with why not."""
        undecided: list[tuple[Subscriber, BaseException]] = []
        kind = type(payload) if type(payload) in self._wanted else _kind_of(payload)
        return self._wanted[kind].match(payload, undecided), undecided

    def all_async(self, subscribers: Collection[Subscriber]) -> bool:
        """Whether each of some subscribers, and at least one, is an `async def`."""
        if not self._async or not subscribers:
            return False
        return self._async.issuperset(subscribers)

    def explain(self, payload: AnyPayload) -> Explanations[Subscriber]:
        """What every subscriber makes of a payload. An event may be given as a `dict`, too.

        Raises:
            EventError: for a `dict` that is marked as an event and is none.
        """
        if isinstance(payload, dict) and is_mega_event(payload):
            payload = Payload.from_dict(payload)
        return Explanations((each, _explained(payload, each)) for each in self._subscribers)

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._subscribers)

    def __len__(self) -> int:
        return len(self._subscribers)


def _kind_of(payload: AnyPayload) -> type:
    return next(kind for kind in _KINDS if isinstance(payload, kind))


def _explained(payload: AnyPayload, subscriber: Subscriber) -> Explanation:
    if isinstance(payload, subscriber.payload_kind):
        return explain(payload, any_() if subscriber.wants is None else subscriber.wants)
    kinds = subscriber.payload_kind
    wanted = is_a(*kinds) if isinstance(kinds, tuple) else is_a(kinds)
    return Explanation(False, (Finding('', payload, wanted, False, 'another kind of payload'),))
