"""Why a pattern matches a value, and why it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct

from mega.errors import join_path, safe_repr, single_line
from mega.match.context import MISSING, Context, to_plain
from mega.match.eventbridge.matcher import Combination, EventPattern, FieldCondition, scalars_at
from mega.match.functions.comparison import Equal
from mega.match.functions.embedded_json import JsonText, read_embedded
from mega.match.functions.logic import OneOf
from mega.match.functions.presence import OptionalValue
from mega.match.pattern import AllOf, AnyOf, Object, Pattern, compile_pattern

__all__ = ('Explanation', 'Explanations', 'Finding', 'explain', 'explain_all')

Target = TypeVar('Target')

MAX_LINES = 12
"""The number of findings that `str()` shows; it counts the rest."""


class Finding(Struct, frozen=True):
    """The result of one leaf of a pattern: the value at its path, and the wanted pattern."""

    path: str
    """The path of the value, such as `object.current.tags`; `''` is the whole value."""

    found: Any
    """The value; `MISSING`, shown as `missing`, if the key is missing."""

    wanted: Pattern

    holds: bool | None
    """Whether the leaf matched; None for a predicate that was not called.

    A predicate is not called if another condition failed.
    """

    note: str = ''
    """A hint for the user, such as the exception of a predicate."""

    def __str__(self) -> str:
        sign = {True: '+', False: '-', None: '?'}[self.holds]
        found = 'missing' if self.found is MISSING else safe_repr(self.found)
        note = f' ({self.note})' if self.note else ''
        wanted = single_line(repr(self.wanted), 80)
        return (
            f'{sign} {single_line(self.path or "the value", 80)} is {found}, wanted {wanted}{note}'
        )


class Explanation(Struct, frozen=True):
    """Why a pattern matched a value or did not, leaf by leaf. It is true if the pattern matched.

    `str()` has one line per leaf. If the pattern did not match, the failures are first.
    """

    matches: bool
    findings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        return self.matches

    @property
    def reason(self) -> Finding | None:
        """The first leaf that failed; None if the pattern matched."""
        if self.matches:
            return None
        return next((finding for finding in self.findings if not finding.holds), None)

    def __str__(self) -> str:
        failed = [finding for finding in self.findings if not finding.holds]
        passed = [finding for finding in self.findings if finding.holds]
        ordered = [*passed, *failed] if self.matches else [*failed, *passed]
        lines = ['it matches' if self.matches else 'it does not match']
        lines += (f'  {finding}' for finding in ordered[:MAX_LINES])
        if len(ordered) > MAX_LINES:
            lines.append(f'  ... and {len(ordered) - MAX_LINES} more')
        return '\n'.join(lines)


def explain(lhs: object, rhs: object) -> Explanation:
    """Explain leaf by leaf why a pattern matches a value, or an object with `to_dict()`, or not.

    The result agrees with `evaluate`. A predicate is called only if all other conditions are true.
    A predicate that raises does not match, and its finding has the exception as a note.

    >>> print(explain({'name': 'user:login', 'age': 16}, {'name': prefix('user:'), 'age': gt(17)}))
    it does not match
      - age is 16, wanted gt(17)
      + name is 'user:login', wanted prefix('user:')

    Raises:
        PatternError: if `rhs` is not a valid pattern.
    """
    value = to_plain(lhs)
    return _Explainer(Context(value)).explain(compile_pattern(rhs), value, '')


def explain_all(parts: Sequence[tuple[Pattern, object, str]], root: object) -> Explanation:
    """Explain whether several values match, each with its pattern and its path.

    The path of a `field` starts at `root`. Values may be objects with `to_dict()`.
    """
    plain = [(pattern, to_plain(lhs), path) for pattern, lhs, path in parts]
    ordered = sorted(plain, key=lambda part: part[0].has_predicate)
    return _Explainer(Context(to_plain(root))).every(ordered)


class Explanations(Generic[Target]):
    """The explanations of many patterns for one value: one `Explanation` for each target.

    `str()` has one line per target, with the first leaf that failed.
    """

    def __init__(self, entries: Iterable[tuple[Target, Explanation]]) -> None:
        self._entries = tuple(entries)

    @property
    def matching(self) -> list[Target]:
        """The targets of the patterns that matched."""
        return [target for target, explanation in self._entries if explanation]

    def __iter__(self) -> Iterator[tuple[Target, Explanation]]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __str__(self) -> str:
        return '\n'.join(f'{_name(target)}: {_in_short(why)}' for target, why in self._entries)

    def __repr__(self) -> str:
        return f'<{len(self.matching)} of {len(self)} match>'


class _Explainer:
    def __init__(self, context: Context) -> None:
        self._context = context

    def explain(self, pattern: Pattern, lhs: object, path: str) -> Explanation:
        if isinstance(pattern, (Equal, OptionalValue)) and lhs is not MISSING:
            return self.explain(pattern.child, lhs, path)
        if isinstance(pattern, Object) and pattern.entries and isinstance(lhs, dict):
            parts = [
                (child, lhs.get(key, MISSING), join_path(path, key))
                for key, child in pattern.entries
            ]
            return self.every(parts)
        if isinstance(pattern, AllOf):
            return self.every([(child, lhs, path) for child in pattern.members])
        if isinstance(pattern, AnyOf):
            return self._any(pattern, lhs, path)
        if isinstance(pattern, EventPattern) and isinstance(lhs, dict):
            return self._event(pattern, lhs, path)
        if isinstance(pattern, JsonText) and isinstance(lhs, str):
            value = read_embedded(lhs, self._context)
            if value is not MISSING:
                return self.explain(pattern.child, value, path)
        return self._leaf(pattern, lhs, path)

    def every(self, parts: Sequence[tuple[Pattern, object, str]]) -> Explanation:
        matches = True
        findings: list[Finding] = []
        for pattern, lhs, path in parts:
            if pattern.has_predicate and not matches:
                findings.append(Finding(path, lhs, pattern, None, 'not asked'))
                continue
            part = self.explain(pattern, lhs, path)
            matches = matches and part.matches
            findings += part.findings
        return Explanation(matches, tuple(findings))

    def _any(self, pattern: AnyOf, lhs: object, path: str) -> Explanation:
        """Return the findings of the first member that matches; of all members if none does."""
        findings: list[Finding] = []
        for child in pattern.members:
            part = self.explain(child, lhs, path)
            if part.matches:
                return part
            findings += part.findings
        if len({finding.path for finding in findings}) > 1:
            return Explanation(False, tuple(findings))
        return self._leaf(pattern, lhs, path)

    def _event(self, pattern: EventPattern, lhs: dict[str, Any], path: str) -> Explanation:
        """Return the findings of the first combination that matches; of all if none does."""
        matching = pattern.first_match(lhs, self._context)
        if matching is not None:
            return Explanation(True, tuple(self._fields([matching], lhs, path)))
        findings = self._fields(pattern.combinations, lhs, path)
        held = {finding.wanted for finding in findings if finding.holds}
        if any(
            all(condition.values in held for condition in combination)
            for combination in pattern.combinations
        ):
            note = 'no one object in an array has it all'
            findings.append(Finding(path, lhs, pattern, False, note))
        return Explanation(False, tuple(findings))

    def _fields(
        self, combinations: Iterable[Combination], lhs: dict[str, Any], path: str
    ) -> list[Finding]:
        """Return the finding of each field by itself. Combinations may share fields."""
        fields = {
            (field.name, id(field.values)): field
            for combination in combinations
            for field in combination
        }
        found: dict[str, list[object]] = {}
        findings = []
        for field in fields.values():
            if field.name not in found:
                found[field.name] = scalars_at(lhs, field.path)
            findings.append(self._field(field, found[field.name], path))
        return findings

    def _field(self, field: FieldCondition, scalars: list[object], path: str) -> Finding:
        """Return the finding of a field: one scalar, or all that are in arrays at its path."""
        holds = any(field.values.accepts(scalar, self._context) for scalar in scalars)
        found: object = scalars[0] if len(scalars) == 1 else scalars or MISSING
        holds = holds or (not scalars and field.values.accepts_missing)
        return Finding(join_path(path, field.name), found, field.values, holds)

    def _leaf(self, pattern: Pattern, lhs: object, path: str) -> Explanation:
        note = ''
        try:
            holds = (
                pattern.when_missing is True
                if lhs is MISSING
                else pattern.accepts(lhs, self._context)
            )
        except Exception as error:
            holds, note = False, f'it raised {single_line(repr(error), 100)}'
        if not holds and not note:
            note = _note(pattern, lhs)
        return Explanation(holds, (Finding(path, lhs, pattern, holds, note),))


def _name(target: object) -> str:
    return target.__name__ if isinstance(target, type) else safe_repr(target)


def _in_short(explanation: Explanation) -> str:
    return str(explanation.reason)[2:] if explanation.reason else 'matches'


def _note(pattern: Pattern, lhs: object) -> str:
    if isinstance(pattern, OneOf) and isinstance(lhs, (list, tuple)):
        return 'an array is never one of them: contains(...) looks into it'
    if isinstance(pattern, JsonText) and isinstance(lhs, str):
        return 'the text is not JSON'
    return ''
