"""What subscribers want, as the filter policy of an SNS subscription."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from mega.aws._messages.filter_attributes import (
    FilterAttributes,
    Path,
    attribute_paths,
    attributes_of,
)
from mega.aws.sns.filter_policy.branches import MATCH_ALL, Branch, intersect
from mega.aws.sns.filter_policy.field_paths import DATA, EVENT, FieldLocation, root
from mega.aws.sns.filter_policy.limits import fit_to_limits, to_policy
from mega.aws.sns.filter_policy.operators import MEGA, Scope
from mega.aws.sns.filter_policy.translation import PolicyTranslator, Widened
from mega.errors import ConfigurationError
from mega.match.context import Context, to_plain
from mega.match.eventbridge.matcher import EventPattern
from mega.match.eventbridge.parser import from_eventbridge
from mega.match.functions.comparison import Equal
from mega.match.functions.logic import OneOf
from mega.match.functions.presence import IsA, Optional
from mega.match.pattern import AllOf, AnyMember, AnyOf, ExactValue, Not, Object, Pattern, compiled

__all__ = ('FilterPolicy', 'Widened', 'to_filter_policy')


@dataclass(frozen=True, slots=True)
class FilterPolicy:
    """The filter policy of an SNS subscription, and what it does not say.

    `policy` is the object for `FilterPolicy`; None where nothing may be held back.
    `scope` is `'MessageBody'` or `'MessageAttributes'`.
    `widened` has every place where it lets through more than is wanted, with the reason.
    `filter_attributes` are those that publishers have to set, for `publish`; of a body none.
    """

    policy: dict[str, Any] | None
    scope: str
    widened: tuple[Widened, ...] = ()
    filter_attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def subscription_attributes(self) -> dict[str, str]:
        """For boto3: `sns.subscribe(..., Attributes=...)`.

        Or one by one, in their order, for `sns.set_subscription_attributes`. Where there is no
        policy, they take away the one that the subscription may have.
        """
        if self.policy is None:
            return {'FilterPolicy': '{}'}
        return {'FilterPolicyScope': self.scope, 'FilterPolicy': json.dumps(self.policy)}

    def lets_through(self, payload: object) -> bool:
        """Whether a payload, published as JSON or with its attributes, passes."""
        if self.policy is None:
            return True
        document = to_plain(payload)
        if self.scope == Scope.ATTRIBUTES.value:
            attributes = attributes_of(document, attribute_paths(self.filter_attributes))
            document = {name: _value_of(attribute) for name, attribute in attributes.items()}
        pattern = from_eventbridge(self.policy)
        return pattern.accepts(document, Context(document))

    def share(self, payloads: Iterable[object]) -> float:
        """The share of sample payloads that passes, from 0 to 1.

        Raises:
            ConfigurationError: without samples.
        """
        passing = [self.lets_through(payload) for payload in payloads]
        if not passing:
            raise ConfigurationError('no samples: give some payloads, as they are published')
        return sum(passing) / len(passing)

    def __str__(self) -> str:
        said = 'no policy' if self.policy is None else json.dumps(self.policy, ensure_ascii=False)
        return '\n'.join([f'{self.scope}: {said}', *(f'  - {each}' for each in self.widened)])


def to_filter_policy(*wanted: Any, attributes: FilterAttributes | None = None) -> FilterPolicy:
    """The policy that lets through every message which somebody wants, and as few others as it can.

    Give it subscriber classes, a listener, patterns, or lists of these. A pattern by itself is
    one of data objects and of events.

    Without `attributes` SNS looks into the body. It holds back whatever is no JSON object: BSON,
    texts, blobs, pointers to offloaded payloads, and envelopes around another body. Where such
    are published, name the `attributes` that their publishers set with `filter_attributes=`. Then
    SNS looks at these alone, and holds back what comes without.

    What a policy cannot say is left out, as is what is beyond SNS's limits: more passes, and
    `.widened` tells. Only what SNS documents is used.

    >>> policy = to_filter_policy({'type': 'order', 'lines': contains(prefix('A-'))})
    >>> policy.policy == {'type': ['order'], 'lines': [{'prefix': 'A-'}]}
    True

    Raises:
        ConfigurationError: when nobody wants anything, or for attributes that name no paths.
        PatternError: for a value that is no pattern.
    """
    paths = None if attributes is None else attribute_paths(attributes)
    scope = Scope.BODY if paths is None else Scope.ATTRIBUTES
    wishes, names = PolicyTranslator(scope), _names(paths)
    everybody = [_Interest.of(one) for one in _each(wanted)]
    if not everybody:
        raise ConfigurationError('nobody wants anything: give subscribers, or a listener with some')
    branches = [branch for one in everybody for branch in one.branches(wishes, names, scope)]
    if not branches:
        branches = wishes.widen('', 'nothing that SNS can see matches')
    left, too_much = fit_to_limits(branches, scope)
    said = None if MATCH_ALL.keys in [branch.keys for branch in left] else to_policy(left)
    return FilterPolicy(
        said,
        scope.value,
        (*wishes.widened, *(Widened(path, reason) for path, reason in too_much)),
        {name: '.'.join(path) for name, path in (paths or {}).items()},
    )


def _names(paths: Mapping[str, Path] | None) -> dict[Path, str] | None:
    return None if paths is None else {path: name for name, path in paths.items()}


def _each(wanted: Iterable[Any]) -> Iterator[Any]:
    for one in wanted:
        if isinstance(one, (list, tuple, set, frozenset)):
            yield from _each(one)
        elif hasattr(one, 'subscribers'):
            yield from one.subscribers
        else:
            yield one


@dataclass(frozen=True, slots=True)
class _Interest:
    """A pattern, and the kinds of payloads of which it is asked."""

    name: str
    pattern: Pattern | None
    of_data: bool
    of_events: bool
    of_texts: bool

    @classmethod
    def of(cls, one: Any) -> _Interest:
        """What a subscriber class says, or a pattern: it may be about data objects and events."""
        if not (isinstance(one, type) and hasattr(one, 'wants') and hasattr(one, 'payload_kind')):
            pattern = compiled(one)
            return cls('a pattern', pattern, True, True, _takes_texts(pattern))
        pattern, kinds = one.wants, one.payload_kind
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        return cls(
            one.__name__,
            pattern,
            any(issubclass(kind, dict) for kind in kinds),
            any(hasattr(kind, 'to_dict') for kind in kinds),
            any(issubclass(kind, (str, bytes)) for kind in kinds)
            and (pattern is None or _takes_texts(pattern)),
        )

    def branches(
        self, wishes: PolicyTranslator, names: Mapping[Path, str] | None, scope: Scope
    ) -> list[Branch]:
        """What SNS is asked for it."""
        if self.of_texts:
            return wishes.widen('', f'{self.name} may want texts or blobs, which SNS cannot read')
        if self.pattern is not None and scope is Scope.BODY and _takes_bson(self.pattern):
            problem = 'wants what only BSON carries, which SNS cannot read: use attributes'
            return wishes.widen('', f'{self.name} {problem}')
        found: list[Branch] = []
        if self.of_data:
            found += self._within(wishes, root(DATA, names), 'data objects')
        if self.of_events:
            # In a body they have a mark.
            mark = Branch({('protocol',): frozenset((MEGA,))}) if names is None else MATCH_ALL
            events = self._within(wishes, root(EVENT, names), 'events')
            found += [intersect(branch, mark) for branch in events]
        return found

    def _within(self, wishes: PolicyTranslator, payload: FieldLocation, kind: str) -> list[Branch]:
        if self.pattern is None:
            return wishes.widen('', f'{self.name} wants all {kind}')
        return wishes.translate_present(self.pattern, payload)


def _takes_texts(pattern: Pattern) -> bool:
    """Whether a text or a blob as a whole payload may match."""
    if isinstance(pattern, (Object, EventPattern)):
        return False
    if isinstance(pattern, AllOf):
        return all(map(_takes_texts, pattern.members))
    if isinstance(pattern, (AnyOf, OneOf, AnyMember, Equal, Optional)):
        return any(map(_takes_texts, pattern.children))
    return True


def _takes_bson(pattern: Pattern) -> bool:
    """Whether somewhere it asks for what JSON does not carry."""
    if isinstance(pattern, ExactValue):
        return isinstance(pattern.value, (bytes, UUID))
    if isinstance(pattern, IsA):
        return all(kind in _ONLY_IN_BSON for kind in pattern.types)
    return not isinstance(pattern, Not) and any(map(_takes_bson, pattern.children))


_ONLY_IN_BSON = frozenset((bytes, UUID, Decimal, datetime, date))


def _value_of(attribute: Any) -> Any:
    """What SNS compares of an attribute: the members of an array."""
    return json.loads(attribute['StringValue']) if isinstance(attribute, dict) else attribute
