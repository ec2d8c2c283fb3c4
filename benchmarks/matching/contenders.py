"""The same rules for each contender. Each returns the positions of the matching rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Any, TypeAlias

from benchmarks.matching.workload import Rule
from mega.match import PatternSet, evaluate
from mega.match.eventbridge import from_eventbridge
from mega.match.functions import gt, prefix
from mega.match.pattern import compile_pattern

__all__ = (
    'CLOSURES',
    'EVALUATE',
    'EVENTBRIDGE',
    'PATTERN_SET',
    'TABLES',
    'Contender',
    'Matcher',
    'explanations',
    'installed_contenders',
    'pattern_set',
)

Matcher: TypeAlias = Callable[[Any], list[int]]
Event: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Contender:
    """A way to match rules, with an explanation for the reader of the tables."""

    name: str
    make: Callable[[Sequence[Rule]], Matcher]
    explanation: str


def installed_contenders() -> tuple[list[Contender], list[str]]:
    """Return the installed contenders, a line with their versions, and the missing ones."""
    ways, versions, missing = [PATTERN_SET, CLOSURES, EVALUATE], [], []
    for name, distribution, module, make, explanation in _PEERS:
        try:
            loaded = import_module(module)
        except ImportError:
            missing.append(f'{name} is left out: {distribution} is not installed.')
        else:
            ways.append(Contender(name, make(loaded), explanation))
            versions.append(f'{distribution} {version(distribution)}')
    return ways, [f'Libraries: {", ".join(versions) or "none"}.', *missing]


def explanations(ways: Sequence[Contender]) -> str:
    """Return the section on the contenders."""
    entries = '\n'.join(f'- **{way.name}**: {way.explanation}' for way in ways)
    return f"""\
## Contenders

Each contender has the same rules, and finds the ones that match an event. The benchmark checks that
all contenders find the same rules. A rule tests the domain of an event, and its name or a prefix of
the name. Two thirds of the rules also test a quantity or the type of the object. In a set of
patterns, each rule is a pattern.

{entries}

All contenders except the `PatternSet` test one rule after another. A ratio is the time of the first
contender divided by the time of the second: at 10, the first takes ten times as long."""


# ── mega ─────────────────────────────────────────────────────────────────────────────────────────


def pattern_of(rule: Rule) -> dict[str, Any]:
    event: dict[str, Any] = {'domain': rule.domain}
    event['name'] = rule.name if rule.prefix is None else prefix(rule.prefix)
    if rule.more_than is not None:
        event['attributes'] = {'quantity': gt(rule.more_than)}
    return {'event': event} | ({'object': {'type': rule.object_type}} if rule.object_type else {})


def pattern_set(patterns: Sequence[object]) -> PatternSet[int]:
    made: PatternSet[int] = PatternSet()
    for place, pattern in enumerate(patterns):
        made.add(pattern, place)
    return made


def _pattern_set(among: Sequence[Rule]) -> Matcher:
    return pattern_set([pattern_of(rule) for rule in among]).match


def event_pattern(rule: Rule) -> dict[str, Any]:
    """Return the rule as an EventBridge pattern."""
    name: object = rule.name if rule.prefix is None else {'prefix': rule.prefix}
    event: dict[str, Any] = {'domain': [rule.domain], 'name': [name]}
    if rule.more_than is not None:
        event['attributes'] = {'quantity': [{'numeric': ['>', rule.more_than]}]}
    if rule.object_type is None:
        return {'event': event}
    return {'event': event, 'object': {'type': [rule.object_type]}}


def _eventbridge(among: Sequence[Rule]) -> Matcher:
    return pattern_set([from_eventbridge(event_pattern(rule)) for rule in among]).match


def _evaluate(among: Sequence[Rule]) -> Matcher:
    patterns = [compile_pattern(pattern_of(rule)) for rule in among]

    def match(event: object) -> list[int]:
        return [place for place, pattern in enumerate(patterns) if evaluate(event, pattern)]

    return match


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────


def closure_of(rule: Rule) -> Callable[[Event], bool]:
    """Return an idiomatic handwritten function: cheapest test first, short-circuiting."""
    domain, name, start = rule.domain, rule.name, rule.prefix
    least, kind = rule.more_than, rule.object_type
    if start is None:
        if least is not None:
            return lambda event: (
                event['event']['domain'] == domain
                and event['event']['name'] == name
                and event['event']['attributes']['quantity'] > least
            )
        if kind is not None:
            return lambda event: (
                event['event']['domain'] == domain
                and event['event']['name'] == name
                and event['object']['type'] == kind
            )
        return lambda event: event['event']['domain'] == domain and event['event']['name'] == name
    if least is not None:
        return lambda event: (
            event['event']['domain'] == domain
            and event['event']['name'].startswith(start)
            and event['event']['attributes']['quantity'] > least
        )
    if kind is not None:
        return lambda event: (
            event['event']['domain'] == domain
            and event['event']['name'].startswith(start)
            and event['object']['type'] == kind
        )
    return lambda event: (
        event['event']['domain'] == domain and event['event']['name'].startswith(start)
    )


def _closures(among: Sequence[Rule]) -> Matcher:
    closures = [closure_of(rule) for rule in among]

    def match(event: Event) -> list[int]:
        return [place for place, wants in enumerate(closures) if wants(event)]

    return match


def _tables(among: Sequence[Rule]) -> Matcher:
    """Nested hash tables: the optimum for rules of this one form."""
    domains: dict[str, tuple[dict[str, list[_Rest]], dict[str, list[_Rest]]]] = {}
    for place, rule in enumerate(among):
        names, prefixes = domains.setdefault(rule.domain, ({}, {}))
        rest = place, rule.more_than, rule.object_type
        if rule.prefix is None:
            names.setdefault(rule.name, []).append(rest)
        else:
            prefixes.setdefault(rule.prefix, []).append(rest)

    def match(payload: Event) -> list[int]:
        event = payload['event']
        name = event['name']
        names, prefixes = domains.get(event['domain'], ({}, {}))
        found = []
        for fitting in names.get(name, ()), prefixes.get(name[: name.find('.') + 1], ()):
            for place, least, kind in fitting:
                if (least is None or event['attributes']['quantity'] > least) and (
                    kind is None or payload['object']['type'] == kind
                ):
                    found.append(place)
        found.sort()
        return found

    return match


_Rest: TypeAlias = tuple[int, 'int | None', 'str | None']
"""The position of a rule, and its conditions other than the domain and the name."""


# ── libraries ────────────────────────────────────────────────────────────────────────────────────


def _dirty_equals(library: ModuleType) -> Callable[[Sequence[Rule]], Matcher]:
    partial: Any = library.IsPartialDict

    def pattern(rule: Rule) -> object:
        name = rule.name
        if rule.prefix is not None:
            name = library.IsStr(regex=re.escape(rule.prefix) + '.*')
        event = {'domain': rule.domain, 'name': name}
        if rule.more_than is not None:
            event['attributes'] = partial(quantity=library.IsInt(gt=rule.more_than))
        if rule.object_type is None:
            return partial(event=partial(event))
        return partial(event=partial(event), object=partial(type=rule.object_type))

    def make(among: Sequence[Rule]) -> Matcher:
        patterns = [pattern(rule) for rule in among]
        return lambda event: [place for place, wants in enumerate(patterns) if wants == event]

    return make


def _rule_engine(library: ModuleType) -> Callable[[Sequence[Rule]], Matcher]:
    def text(rule: Rule) -> str:
        parts = [f"event['domain'] == '{rule.domain}'", f"event['name'] == '{rule.name}'"]
        if rule.prefix is not None:
            parts[1] = f"event['name'].starts_with('{rule.prefix}')"
        if rule.more_than is not None:
            parts.append(f"event['attributes']['quantity'] > {rule.more_than}")
        if rule.object_type is not None:
            parts.append(f"object['type'] == '{rule.object_type}'")
        return ' and '.join(parts)

    def make(among: Sequence[Rule]) -> Matcher:
        made = [library.Rule(text(rule)) for rule in among]
        return lambda event: [place for place, rule in enumerate(made) if rule.matches(event)]

    return make


def _moto(library: ModuleType) -> Callable[[Sequence[Rule]], Matcher]:
    def make(among: Sequence[Rule]) -> Matcher:
        load = library.EventPattern.load
        made = [load(json.dumps(event_pattern(rule))) for rule in among]
        return lambda event: [place for place, one in enumerate(made) if one.matches_event(event)]

    return make


PATTERN_SET = Contender(
    'mega PatternSet',
    _pattern_set,
    'all patterns in one `PatternSet`, which looks them up in an index',
)
EVENTBRIDGE = Contender(
    'PatternSet of from_eventbridge', _eventbridge, 'the same, with patterns of EventBridge'
)
CLOSURES = Contender(
    'closures by hand',
    _closures,
    'one Python function per rule, as a program without a library has it',
)
TABLES = Contender(
    'tables by hand',
    _tables,
    'dicts from the domains and the names to the rules, for rules of this form only',
)
EVALUATE = Contender(
    'mega evaluate', _evaluate, 'the function `evaluate` with each pattern, without an index'
)
_PEERS = (
    (
        'dirty-equals',
        'dirty-equals',
        'dirty_equals',
        _dirty_equals,
        'a comparison of the event with one `IsPartialDict` per rule',
    ),
    (
        'rule-engine',
        'rule-engine',
        'rule_engine',
        _rule_engine,
        'one `Rule` of the library per rule, written in its language',
    ),
    (
        "moto's EventPattern",
        'moto',
        'moto.events.models',
        _moto,
        'one pattern of EventBridge per rule, as moto, a server for tests, matches it',
    ),
)
