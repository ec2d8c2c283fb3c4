"""Filter policies of SNS subscriptions, made from subscribers.

A policy never excludes a message that one of the subscribers matches; `translation` explains how.
With the scope `MessageBody`, SNS tests the body and excludes every body that is not a JSON object.
With the scope `MessageAttributes`, SNS tests attributes that the publishers set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from mega.aws._messages.filter_attributes import (
    FieldPath,
    FilterAttributes,
    extract_attributes,
    parse_filter_attributes,
)
from mega.aws.sns.filter_policy import reasons
from mega.aws.sns.filter_policy.branches import MATCH_ALL, Branch, intersect
from mega.aws.sns.filter_policy.event_source import to_criteria
from mega.aws.sns.filter_policy.field_paths import (
    DATA_SCHEMA,
    EVENT_SCHEMA,
    FieldLocation,
    root_location,
)
from mega.aws.sns.filter_policy.message_patterns import translate_message_pattern
from mega.aws.sns.filter_policy.operators import MEGA_PROTOCOL, Scope
from mega.aws.sns.filter_policy.policy_limits import to_policy
from mega.aws.sns.filter_policy.translation import PolicyTranslator, Widened
from mega.aws.sns.filter_policy.widening import fit_to_limits
from mega.errors import ConfigurationError
from mega.match.context import Context, to_plain
from mega.match.eventbridge.matcher import EventPattern
from mega.match.eventbridge.parser import parse_event_pattern
from mega.match.functions.comparison import Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.presence import IsA, OptionalValue
from mega.match.pattern import (
    AllOf,
    AnyOf,
    ExactValue,
    ListLiteral,
    Not,
    Object,
    Pattern,
    compile_pattern,
)

__all__ = ('FilterPolicy', 'Widened', 'to_filter_policy')


@dataclass(frozen=True, slots=True)
class FilterPolicy:
    """The filter policy of an SNS subscription, and the places where it is wider than the patterns.

    `policy` is the object for `FilterPolicy`; None if the subscription must receive every message.
    `scope` is `'MessageBody'` or `'MessageAttributes'`.
    `widened` has every place where the policy lets through more messages, with the reason.
    `filter_attributes` are the attributes that publishers must set, as an argument for `publish`.
    The mapping is empty for the scope `'MessageBody'`.
    """

    policy: dict[str, Any] | None
    scope: str
    widened: tuple[Widened, ...] = ()
    filter_attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def subscription_attributes(self) -> dict[str, str]:
        """The attributes for boto3: `sns.subscribe(..., Attributes=...)`.

        For an existing subscription, pass them one by one, in this order, to
        `sns.set_subscription_attributes`. If `policy` is None, they remove the subscription's
        present policy.
        """
        if self.policy is None:
            return {'FilterPolicy': '{}'}
        return {'FilterPolicyScope': self.scope, 'FilterPolicy': json.dumps(self.policy)}

    @property
    def event_source_filters(self) -> dict[str, Any]:
        """The `FilterCriteria` of a Lambda event source mapping for SQS, for boto3 and SAM.

        **Lambda deletes the messages that do not match.** No redrive policy applies to them. Lambda
        tests the body as it is in the queue. So it also deletes all bodies that are not JSON
        objects with the fields of the payload: BSON, texts, blobs, pointers to offloaded payloads,
        and messages of a topic without raw message delivery. Use the filters only for a queue that
        has no such messages.

        The filters are empty if the function must receive every message, and for conditions that
        are longer than 4,096 characters. For an existing mapping, empty filters remove its own.

        Raises:
            ConfigurationError: for the scope `'MessageAttributes'`: Lambda tests only the body.
        """
        if self.scope == Scope.ATTRIBUTES.value:
            problem = 'call to_filter_policy without attributes='
            raise ConfigurationError(f'Lambda filters messages of SQS by their body: {problem}')
        return to_criteria(self.policy)

    def lets_through(
        self, payload: object, message_attributes: Mapping[str, Any] | None = None
    ) -> bool:
        """Return whether a payload passes, published as JSON or with its filter attributes.

        `message_attributes` are the other attributes of the message.
        """
        if self.policy is None:
            return True
        document = to_plain(payload)
        if self.scope == Scope.ATTRIBUTES.value:
            fields = extract_attributes(document, _parse(self.filter_attributes))
            attributes = {**(message_attributes or {}), **fields}
            document = {name: _value_of(attribute) for name, attribute in attributes.items()}
        return parse_event_pattern(self.policy).accepts(document, Context(document))

    def pass_rate(self, payloads: Iterable[object]) -> float:
        """Return the share of sample payloads that pass, from 0 to 1.

        A payload has its filter attributes, and no other message attributes.

        Raises:
            ConfigurationError: without samples.
        """
        passing = [self.lets_through(payload) for payload in payloads]
        if not passing:
            raise ConfigurationError('no samples: pass payloads as they are published')
        return sum(passing) / len(passing)

    def __str__(self) -> str:
        policy = self.policy and json.dumps(self.policy, ensure_ascii=False)
        lines = [
            f'{self.scope}: {policy or "no policy"}',
            *(f'  - {each}' for each in self.widened),
        ]
        return '\n'.join(lines)


def to_filter_policy(*subscribers: Any, attributes: FilterAttributes | None = None) -> FilterPolicy:
    """Return the narrowest policy that lets through every message that a subscriber matches.

    The arguments are subscriber classes, listeners, patterns, or lists of these. A pattern applies
    to both data objects and events.

    Without `attributes`, SNS tests the body. It excludes every body that is not a JSON object:
    BSON, texts, blobs, pointers to offloaded payloads, and SNS envelopes around another body. If a
    topic carries such messages, pass the `attributes` that its publishers set with
    `filter_attributes=`. SNS then tests only these attributes, and excludes messages without them.
    It also tests the attributes in the `message_pattern` of a subscriber; `attributes=()` is for
    publishers that set only those.

    Where SNS cannot express a pattern, or its limits are exceeded, more messages pass, and
    `.widened` has the place and the reason. The policy uses only what AWS documents.

    >>> policy = to_filter_policy({'type': 'order', 'lines': contains(prefix('A-'))})
    >>> policy.policy == {'type': ['order'], 'lines': [{'prefix': 'A-'}]}
    True

    Raises:
        ConfigurationError: without subscribers or patterns, or for invalid `attributes`.
        PatternError: for a value that is not a pattern.
    """
    paths = None if attributes is None else _parse(attributes)
    scope = Scope.BODY if paths is None else Scope.ATTRIBUTES
    names = None if paths is None else {path: name for name, path in paths.items()}
    translator = PolicyTranslator(scope)
    interests = [_Interest.from_subscriber(each) for each in _flatten(subscribers)]
    if not interests:
        raise ConfigurationError(
            'no subscribers: pass subscribers, patterns, or a listener with subscribers'
        )
    branches = [
        branch for interest in interests for branch in interest.branches(translator, names, scope)
    ]
    if not branches:
        branches = translator.widen('', reasons.NO_MATCH)
    fitted, widened = fit_to_limits(branches, scope)
    excludes_nothing = any(branch.conditions == MATCH_ALL.conditions for branch in fitted)
    return FilterPolicy(
        None if excludes_nothing else to_policy(fitted),
        scope.value,
        (*translator.widened, *(Widened(path, reason) for path, reason in widened)),
        {name: '.'.join(path) for name, path in (paths or {}).items()},
    )


def _parse(attributes: FilterAttributes) -> dict[str, FieldPath]:
    return parse_filter_attributes(attributes) if attributes else {}


def _flatten(subscribers: Iterable[Any]) -> Iterator[Any]:
    for each in subscribers:
        if isinstance(each, (list, tuple, set, frozenset)):
            yield from _flatten(each)
        elif hasattr(each, 'subscribers'):
            yield from each.subscribers
        else:
            yield each


@dataclass(frozen=True, slots=True)
class _Interest:
    """A pattern, and the types of payloads that it applies to."""

    name: str
    pattern: Pattern | None
    of_data: bool
    of_events: bool
    of_texts: bool
    message_pattern: Pattern | None = None

    @classmethod
    def from_subscriber(cls, subscriber: Any) -> _Interest:
        """Return the interest of a subscriber class or of a pattern."""
        is_class = isinstance(subscriber, type) and hasattr(subscriber, 'compiled_pattern')
        if not (is_class and hasattr(subscriber, 'payload_classes')):
            pattern = compile_pattern(subscriber)
            return cls('a pattern', pattern, True, True, _may_match_text(pattern))
        pattern, kinds = subscriber.compiled_pattern, subscriber.payload_classes
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        return cls(
            subscriber.__name__,
            pattern,
            any(issubclass(kind, dict) for kind in kinds),
            any(hasattr(kind, 'to_dict') for kind in kinds),
            any(issubclass(kind, (str, bytes)) for kind in kinds)
            and (pattern is None or _may_match_text(pattern)),
            getattr(subscriber, 'compiled_message_pattern', None),
        )

    def branches(
        self, translator: PolicyTranslator, names: Mapping[FieldPath, str] | None, scope: Scope
    ) -> list[Branch]:
        """Return the branches for all messages of interest."""
        found = self._branches_of_payloads(translator, names, scope)
        if self.message_pattern is None:
            return found
        of_message = translate_message_pattern(self.message_pattern, translator, scope)
        return [intersect(branch, of_message) for branch in found]

    def _branches_of_payloads(
        self, translator: PolicyTranslator, names: Mapping[FieldPath, str] | None, scope: Scope
    ) -> list[Branch]:
        if self.of_texts:
            why = 'may match texts or blobs, which SNS cannot read'
            return translator.widen('', f'{self.name} {why}')
        if self.pattern is not None and scope is Scope.BODY and _needs_bson(self.pattern):
            why = 'matches values that only BSON has, which SNS cannot read; pass attributes='
            return translator.widen('', f'{self.name} {why}')
        found: list[Branch] = []
        if self.of_data:
            found += self._translate(translator, root_location(DATA_SCHEMA, names), 'data objects')
        if self.of_events:
            # In a body, the field `protocol` distinguishes events from data objects.
            protocol = Branch({(('protocol',),): frozenset((MEGA_PROTOCOL,))})
            mark = protocol if names is None else MATCH_ALL
            events = self._translate(translator, root_location(EVENT_SCHEMA, names), 'events')
            found += [intersect(branch, mark) for branch in events]
        return found

    def _translate(
        self, translator: PolicyTranslator, payload: FieldLocation, kind: str
    ) -> list[Branch]:
        if self.pattern is None:
            return translator.widen('', f'{self.name} matches all {kind}')
        return translator.translate_present(self.pattern, payload)


def _may_match_text(pattern: Pattern) -> bool:
    """Return whether a pattern may match a text or a blob as a whole payload."""
    if isinstance(pattern, (Object, EventPattern)):
        return False
    if isinstance(pattern, AllOf):
        return all(map(_may_match_text, pattern.members))
    if isinstance(pattern, (AnyOf, OneOf, ListLiteral, Equal, OptionalValue)):
        return any(map(_may_match_text, pattern.children))
    return True


def _needs_bson(pattern: Pattern) -> bool:
    """Return whether some part of a pattern matches only values that JSON does not have."""
    if isinstance(pattern, ExactValue):
        return isinstance(pattern.value, (bytes, UUID))
    if isinstance(pattern, IsA):
        return all(kind in _ONLY_IN_BSON for kind in pattern.types)
    return not isinstance(pattern, Not) and any(map(_needs_bson, pattern.children))


_ONLY_IN_BSON = frozenset((bytes, UUID, Decimal, datetime, date))


def _value_of(attribute: Any) -> Any:
    """Return the value that SNS tests: the members of an array, or the value itself."""
    return json.loads(attribute['StringValue']) if isinstance(attribute, dict) else attribute
