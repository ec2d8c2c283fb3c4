"""Parse event patterns: objects, arrays and `$or`. Invalid patterns raise errors with a path.

The parser expands `$or` into combinations. A combination selects one branch of every `$or`, and
maps each dotted path to a list of values:

    {'source': ['shop'], '$or': [{'kind': ['a']}, {'size': [1]}]}

    combination 1: source is 'shop' and kind is 'a'
    combination 2: source is 'shop' and size is 1

An event matches when it satisfies at least one combination.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from mega.errors import PatternError, join_path
from mega.json_reading import read_json
from mega.match.eventbridge.array_consistency import sort_key
from mega.match.eventbridge.complexity import refuse_complex_wildcards
from mega.match.eventbridge.matcher import Combination, EventPattern, FieldCondition
from mega.match.eventbridge.operators import ValueList
from mega.match.eventbridge.value_parser import OrIndependentError, parse_literal, parse_operator
from mega.match.pattern import Pattern

__all__ = ('OR_KEY', 'RESERVED_NAMES', 'from_eventbridge', 'parse_event_pattern')

OR_KEY = '$or'

MAX_COMBINATIONS = 1_000
"""The largest number of combinations of `$or` branches in one pattern.

EventBridge reportedly refuses more."""

MAX_DEPTH = 100

RESERVED_NAMES = frozenset(
    (
        'exactly', 'equals-ignore-case', 'prefix', 'suffix', 'anything-but', 'exists', 'wildcard',
        'numeric', 'cidr', '=', '<', '<=', '>', '>=', 'regex', 'not-wildcard',
        'not-equals-ignore-case',
        'date-after', 'date-on-or-after', 'date-before', 'date-on-or-before', 'in-date-range',
        'ip-address-in-range', 'ip-address-not-in-range',
    )
)  # fmt: skip
"""Names that a field inside `$or` must not have."""

ValuesByPath: TypeAlias = dict[str, ValueList]
"""One combination: the list of values for each dotted path."""


def from_eventbridge(pattern: Mapping[str, Any] | str) -> Pattern:
    """Convert an event pattern, with EventBridge's meaning, to a `Pattern`.

    The pattern matches an object: `evaluate(event, from_eventbridge({...}))`. It can stand anywhere
    in another pattern. `pattern` is an object or its JSON text, as the APIs of AWS return it:

    - an `EventPattern` of EventBridge, for the event
    - a `FilterPolicy` of SNS: for the payload with the scope `MessageBody`, and for the message
      attributes with the scope `MessageAttributes`, where SNS accepts only texts and numbers
    - the `FilterCriteria` of a Lambda event source mapping for SQS, for the payload. Lambda filters
      by the key `body`: the conditions in it become those of the payload.

    >>> paid = from_eventbridge({'source': ['shop'], 'detail': {'total': [{'numeric': ['>', 9]}]}})
    >>> evaluate({'source': 'shop', 'detail': {'total': 12.5}}, paid)
    True

    Raises:
        PatternError: for a pattern that AWS refuses. The error has the path of the invalid part.
    """
    document = _read(pattern) if isinstance(pattern, str) else pattern
    is_criteria = isinstance(document, Mapping) and is_filter_criteria(document)
    parsed = parse_filter_criteria(document) if is_criteria else parse_event_pattern(document)
    refuse_complex_wildcards(parsed.combinations)
    return parsed


def parse_event_pattern(pattern: Mapping[str, Any]) -> EventPattern:
    """Convert an event pattern, or a filter policy of SNS, which has another limit for wildcards.

    Raises:
        PatternError: as `from_eventbridge`, except for the complexity of wildcards.
    """
    try:
        combinations = _Parser(or_is_operator=True).parse(pattern)
    except OrIndependentError:
        raise
    except PatternError as error:
        # AWS then reads $or as the name of a field, like a parser that does not know the operator.
        if not _mentions_or(pattern):
            raise
        try:
            combinations = _Parser(or_is_operator=False).parse(pattern)
        except PatternError:
            raise error from None
    ordered = tuple(
        tuple(
            FieldCondition(tuple(name.split('.')), values[name])
            for name in sorted(values, key=sort_key)
        )
        for values in combinations
    )
    return EventPattern(ordered, repr(pattern))


def parse_filter_criteria(criteria: Mapping[str, Any]) -> EventPattern:
    """Convert the filter criteria of Lambda for SQS to a pattern of the payload.

    Raises:
        PatternError: for an invalid filter, or one that does not test fields of a JSON body.
    """
    combinations: list[Combination] = []
    for index, entry in enumerate(criteria['Filters']):
        path = f'Filters[{index}].Pattern'
        try:
            parsed = parse_event_pattern(_read(entry['Pattern']))
        except PatternError as error:
            where = f'{path}.{error.path}' if error.path else path
            raise PatternError(where, error.value, error.problem) from None
        combinations += (_in_body(combination, path) for combination in parsed.combinations)
    return EventPattern(tuple(combinations), repr(criteria))


def _in_body(combination: Combination, path: str) -> Combination:
    for condition in combination:
        if condition.path[0] != 'body':
            raise PatternError(path, condition.name, 'Lambda filters messages of SQS by body only')
        if len(condition.path) == 1:
            problem = 'tests a text: declare the pattern of a TextSubscriber instead'
            raise PatternError(path, condition.name, problem)
    return tuple(FieldCondition(one.path[1:], one.values) for one in combination)


def is_filter_criteria(document: Mapping[str, Any]) -> bool:
    """Return whether an object has the form of Lambda's filter criteria."""
    entries = document.get('Filters')
    return (
        [*document] == ['Filters']
        and isinstance(entries, (list, tuple))
        and bool(entries)
        and all(isinstance(one, Mapping) and [*one] == ['Pattern'] for one in entries)
    )


def _read(text: Any) -> Any:
    """Return the value of the JSON text of a pattern."""
    if not isinstance(text, str):
        raise PatternError('', text, 'an event pattern must be the text of a JSON object')
    try:
        return read_json(text)
    except ValueError as error:
        raise PatternError('', text, f'is not JSON: {error}') from None


def _mentions_or(value: Any, depth: int = 1) -> bool:
    if not isinstance(value, Mapping) or depth > MAX_DEPTH:
        return False
    return OR_KEY in value or any(_mentions_or(child, depth + 1) for child in value.values())


class _Parser(Struct, frozen=True):
    or_is_operator: bool

    def parse(self, pattern: Any) -> list[ValuesByPath]:
        if not isinstance(pattern, Mapping):
            raise PatternError('', pattern, 'an event pattern must be an object')
        return self._object(pattern, '', '', [{}], inside_or=False, depth=1)

    def _object(
        self,
        source: Mapping[str, Any],
        name: str,
        path: str,
        combinations: list[ValuesByPath],
        *,
        inside_or: bool,
        depth: int,
    ) -> list[ValuesByPath]:
        """Add the conditions of an object of the pattern to every combination so far.

        `name` is the dotted path of the field in an event, `path` the place in the pattern.
        """
        if not source:
            raise PatternError(path, source, 'an object must not be empty')
        if depth > MAX_DEPTH:
            raise OrIndependentError(path, source, f'is nested deeper than {MAX_DEPTH} levels')
        for key, value in source.items():
            if not isinstance(key, str):
                raise PatternError(path, key, 'the name of a field must be a str')
            here = join_path(path, key)
            if key == OR_KEY and self.or_is_operator:
                combinations = self._or(value, name, here, combinations, depth)
                continue
            if inside_or and key in RESERVED_NAMES:
                raise PatternError(here, key, 'a field inside $or must not have a reserved name')
            child = f'{name}.{key}' if name else key
            if child.count('.') >= MAX_DEPTH:
                raise OrIndependentError(here, key, f'is nested deeper than {MAX_DEPTH} levels')
            if isinstance(value, Mapping):
                combinations = self._object(
                    value, child, here, combinations, inside_or=inside_or, depth=depth + 1
                )
            elif isinstance(value, (list, tuple)):
                values = self._value_list(value, here)
                # If two keys lead to the same path, the later one counts.
                combinations = [{**combination, child: values} for combination in combinations]
            else:
                raise PatternError(here, value, 'a field must be an array of values, or an object')
        return combinations

    def _or(
        self, branches: Any, name: str, path: str, combinations: list[ValuesByPath], depth: int
    ) -> list[ValuesByPath]:
        if not isinstance(branches, (list, tuple)) or len(branches) < 2:
            raise PatternError(path, branches, '$or must be an array of two or more objects')
        expanded: list[ValuesByPath] = []
        for index, branch in enumerate(branches):
            here = join_path(path, index)
            if not isinstance(branch, Mapping):
                raise PatternError(here, branch, 'a branch of $or must be an object')
            expanded += self._object(
                branch, name, here, combinations, inside_or=True, depth=depth + 1
            )
            if len(expanded) > MAX_COMBINATIONS:
                problem = f'$or must not expand to more than {MAX_COMBINATIONS:,} combinations'
                raise OrIndependentError(path, branches, problem)
        return expanded

    def _value_list(self, source: Any, path: str) -> ValueList:
        if not source:
            raise PatternError(path, source, 'an array of values must not be empty')
        members: list[Pattern] = []
        accepts_missing = False
        for index, value in enumerate(source):
            here = join_path(path, index)
            if isinstance(value, Mapping):
                if value == {'exists': False} and value['exists'] is False:
                    accepts_missing = True
                    continue
                members.append(parse_operator(value, here, or_is_operator=self.or_is_operator))
            else:
                members.append(parse_literal(value, here))
        return ValueList(tuple(members), tuple(source), accepts_missing)
