"""The complexity of the wildcards of a field, counted as AWS counts it.

AWS reads a value byte by byte, and follows all wildcards of the field at the same time. The
complexity is the largest number of positions that the wildcards reach at once in any value. A
position is a beginning of a wildcard that matches the value read so far:

    *x*y          after "xy" at `*`, `*x*` and `*x*y`: the complexity is 3
    *.gif, *.jpg  after "." at `*` and `*.` of both: the complexity is 4

The asterisks divide a wildcard into runs of literal bytes. A position behind an asterisk stays
reached. The worst value therefore has one of two forms, and `wildcard_complexity` reads both:

- It is the beginning of a first run, which stands before all asterisks.
- It passes as many asterisks as possible, and ends with another run or its beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from mega.errors import PatternError, join_path
from mega.match.eventbridge.matcher import Combination
from mega.match.eventbridge.operators import ValueList
from mega.match.functions.wildcards import Wildcard
from mega.match.pattern import Not

__all__ = ('MAX_COMPLEXITY', 'refuse_complex_wildcards', 'wildcard_complexity')

MAX_COMPLEXITY = 10
"""The largest complexity of the wildcards of a field.

AWS does not document the limit. It is known to accept 9, and to refuse 11:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

Runs: TypeAlias = tuple[bytes, ...]
"""The literal bytes of a wildcard before, between and after its asterisks."""

ANY_TEXT: Runs = (b'', b'')


def refuse_complex_wildcards(combinations: Iterable[Combination]) -> None:
    """Raise `PatternError` for a field whose wildcards are too complex for AWS.

    AWS tests the fields of all combinations in their order, and combinations that begin with the
    same conditions together. Their values for the next field count as those of one field.
    """
    fields: dict[tuple[int, tuple[str, ...]], dict[int, ValueList]] = {}
    prefixes: dict[tuple[int, int], int] = {}
    for combination in combinations:
        prefix = 0
        for condition in combination:
            fields.setdefault((prefix, condition.path), {})[id(condition.values)] = condition.values
            prefix = prefixes.setdefault((prefix, id(condition.values)), len(prefixes) + 1)
    for (_, path), lists in fields.items():
        operators = [each for values in lists.values() for each in _operators_in(values)]
        if operators and wildcard_complexity(operators) > MAX_COMPLEXITY:
            source = [value for values in lists.values() for value in values.source]
            place = ''
            for key in path:
                place = join_path(place, key)
            raise PatternError(place, source, _TOO_COMPLEX)


_TOO_COMPLEX = (
    f'the wildcards of a field may have a complexity of at most {MAX_COMPLEXITY};'
    ' write fewer asterisks, or fewer repetitions after an asterisk'
)


def _operators_in(values: ValueList) -> Iterator[list[Wildcard]]:
    """Yield the wildcards of each operator."""
    for member in values.members:
        alternatives = member.child.children if isinstance(member, Not) else (member,)
        if wildcards := [each for each in alternatives if isinstance(each, Wildcard)]:
            yield wildcards


class _Position(NamedTuple):
    """The beginning of a wildcard, up to a number of bytes of one of its runs."""

    operator: int
    runs: Runs
    run: int
    length: int

    @property
    def is_behind_asterisk(self) -> bool:
        return self.run > 0 and not self.length


def wildcard_complexity(operators: Iterable[Sequence[Wildcard]]) -> int:
    """Return the largest number of positions that wildcards reach at once.

    The counting ends above `MAX_COMPLEXITY`. The operators are the wildcards of one field. An
    operator has several wildcards only inside `anything-but`.
    """
    distinct = {frozenset(map(_runs_of, wildcards)) for wildcards in operators}
    matches_any_text = frozenset((ANY_TEXT,)) in distinct  # AWS reads no bytes for `*` alone
    numbered = [
        (operator, runs)
        for operator, alternatives in enumerate(distinct - {frozenset((ANY_TEXT,))})
        for runs in alternatives
    ]
    return max(_positions_in_worst_values(numbered), default=0) + matches_any_text


def _runs_of(wildcard: Wildcard) -> Runs:
    texts = (''.join(map(str, piece.characters)) for piece in wildcard.pieces)
    return tuple(text.encode('utf-8', 'surrogatepass') for text in texts)


def _positions_in_worst_values(numbered: Sequence[tuple[int, Runs]]) -> Iterator[int]:
    at_start = {
        position
        for operator, runs in numbered
        for position in _reached(_Position(operator, runs, 0, 0))
    }
    for first in {runs[0] for _, runs in numbered}:
        yield _most_positions(at_start, first)
        behind_asterisks = {
            _Position(operator, runs, run, 0)
            for operator, runs in numbered
            if first.startswith(runs[0])
            for run in range(1, len(runs))
        }
        for position in behind_asterisks:
            yield _most_positions(behind_asterisks, position.runs[position.run])


def _most_positions(positions: set[_Position], text: bytes) -> int:
    """Return the largest number of positions while a text is read, from given positions."""
    most = _count(positions)
    for byte in text:
        if most > MAX_COMPLEXITY:
            break
        positions = {after for position in positions for after in _after(position, byte)}
        most = max(most, _count(positions))
    return most


def _after(position: _Position, byte: int) -> Iterator[_Position]:
    """Yield the positions that a byte leads to."""
    if position.is_behind_asterisk:
        yield position
    run = position.runs[position.run]
    if position.length < len(run) and run[position.length] == byte:
        yield from _reached(position._replace(length=position.length + 1))


def _reached(position: _Position) -> Iterator[_Position]:
    """Yield a position, and the one behind the asterisk that follows it."""
    yield position
    is_last = position.run + 1 == len(position.runs)
    if not is_last and position.length == len(position.runs[position.run]):
        yield from _reached(position._replace(run=position.run + 1, length=0))


def _count(positions: Iterable[_Position]) -> int:
    """Count positions. The wildcards of one operator share those up to the first asterisk."""
    distinct: set[tuple[object, ...]] = set()
    for each in positions:
        is_shared = not each.run or (each.run == 1 and each.is_behind_asterisk)
        first = each.runs[0][: each.length] if not each.run else each.runs[0]
        distinct.add((each.operator, each.run, first) if is_shared else each)
    return len(distinct)
