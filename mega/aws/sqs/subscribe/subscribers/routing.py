"""The router: the subscribers that match a payload, and the reasons why others do not."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator

from mega.aws.sqs.message import Message
from mega.aws.sqs.metadata import Metadata, metadata_of, names_in
from mega.aws.sqs.subscribe.subscribers.registration import check_subscriber
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber, explain_match
from mega.aws.sqs.subscribe.subscribers.typed import EventConversion
from mega.codec import AnyPayload, Publishable, StreamedPayload
from mega.errors import ConfigurationError, safe_repr
from mega.event import Event, Payload
from mega.match.context import to_plain
from mega.match.explanation import Explanations
from mega.match.functions import any_
from mega.match.pattern import Object
from mega.match.pattern_set import PatternSet

__all__ = ('Router',)

_PAYLOAD_CLASSES = (Payload, dict, str, bytes, StreamedPayload)


class Router:
    """The registered subscriber classes, in order, with an index of their patterns.

    Each class of payload has its own index, because most subscribers accept only one class.

    Subscribers with a `message_pattern` are in another index, of objects with the payload and the
    metadata of a message: `{'payload': {'type': 'order'}, 'message': {'attributes': {...}}}`. So
    the other subscribers do not pay for metadata.
    """

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []
        self._async: set[Subscriber] = set()
        self._pattern_sets: dict[type, PatternSet[Subscriber]] = {
            kind: PatternSet() for kind in _PAYLOAD_CLASSES
        }
        self._with_metadata: dict[type, PatternSet[Subscriber]] = {}
        self._metadata_names: frozenset[str] = frozenset()
        self._registrations = 0
        self._places: dict[Subscriber, int] = {}

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
        self._registrations += 1
        self._places[checked] = self._registrations
        if inspect.iscoroutinefunction(checked.process):
            self._async.add(checked)
        pattern = any_() if checked.compiled_pattern is None else checked.compiled_pattern
        if checked.compiled_message_pattern is not None:
            self._metadata_names |= {*names_in(checked.compiled_message_pattern)}
            pattern = Object((('message', checked.compiled_message_pattern), ('payload', pattern)))
        for pattern_set in self._sets_of(checked):
            pattern_set.add(pattern, checked)

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
        del self._places[subscriber]
        for pattern_set in self._sets_of(subscriber):
            pattern_set.remove(subscriber)

    def _sets_of(self, subscriber: Subscriber) -> list[PatternSet[Subscriber]]:
        """Return the indexes of a subscriber, one for each class of payload that it accepts."""
        kinds = [kind for kind in _PAYLOAD_CLASSES if issubclass(kind, subscriber.payload_classes)]
        if subscriber.compiled_message_pattern is None:
            return [self._pattern_sets[kind] for kind in kinds]
        return [self._with_metadata.setdefault(kind, PatternSet()) for kind in kinds]

    def build(self) -> None:
        """Build the indexes, so that the first message does not wait for them."""
        for pattern_set in (*self._pattern_sets.values(), *self._with_metadata.values()):
            pattern_set.build()

    def match(
        self, payload: AnyPayload, message: Message
    ) -> tuple[list[Subscriber], list[tuple[Subscriber, BaseException]]]:
        """Return the subscribers that match a message, and those whose pattern raised, with why."""
        undecided: list[tuple[Subscriber, BaseException]] = []
        kind = type(payload) if type(payload) in self._pattern_sets else _payload_class(payload)
        root = to_plain(payload)
        found = self._pattern_sets[kind].match(root, undecided)
        if self._with_metadata and (with_metadata := self._with_metadata.get(kind)) is not None:
            metadata = metadata_of(message, self._metadata_names)
            document = {'message': metadata, 'payload': root}
            found += with_metadata.match(document, undecided, root=root)
            found.sort(key=self._place)
            undecided.sort(key=lambda pair: self._place(pair[0]))
        return found, undecided

    def _place(self, subscriber: Subscriber) -> int:
        return self._places.get(subscriber, 0)  # another thread may unregister it meanwhile

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
            if isinstance(each.payload_conversion, EventConversion)
            and each.payload_conversion.is_older_than(event)
        ]

    def explain(
        self, payload: Publishable | StreamedPayload, message: Metadata | None = None
    ) -> Explanations[Subscriber]:
        """Return for each subscriber why it matches a payload or not, as `explain_match` does."""
        return Explanations(
            (each, explain_match(each, payload, message)) for each in self._subscribers
        )

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._subscribers)

    def __len__(self) -> int:
        return len(self._subscribers)


def _payload_class(payload: AnyPayload) -> type:
    return next(kind for kind in _PAYLOAD_CLASSES if isinstance(payload, kind))
