"""Messages that match a pattern; and for a failing assertion, the messages that almost match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from mega.errors import single_line
from mega.event import Payload
from mega.event.typed import is_typed, to_payload
from mega.match import Explanation, explain
from mega.match.pattern import Pattern, compile_pattern

__all__ = ('Candidate', 'check_count', 'list_messages', 'list_nearest', 'matching')

MAX_CANDIDATES = 3
"""The number of messages that an error shows."""

MAX_LENGTH = 200
"""The number of characters of a payload that an error shows."""


class Candidate(Protocol):
    """A message with a payload, or with the problem why it has none."""

    @property
    def payload(self) -> Any: ...
    @property
    def problem(self) -> str | None: ...


T = TypeVar('T', bound=Candidate)


def matching(pattern: object, messages: Sequence[T]) -> list[T]:
    """Return the messages whose payload matches a pattern; all of them for None.

    A pattern is what `mega.match.evaluate` accepts, or a payload: an event matches itself. An
    object of an event class matches the events with its fields.
    """
    if pattern is None:
        return list(messages)
    compiled = _compile(pattern)
    return [each for each in messages if each.problem is None and explain(each.payload, compiled)]


def check_count(
    what: str,
    pattern: object,
    times: int | None,
    found: Sequence[T],
    candidates: Sequence[T],
    describe: Callable[[T], str],
) -> None:
    """Compare the number of messages that match with the expected number.

    Raises:
        AssertionError: if it differs, or if none matches and any number is expected. It shows the
            nearest candidates.
    """
    __tracebackhide__ = True
    if len(found) == times or (times is None and found):
        return
    expected = 'at least 1' if times is None else str(times)
    wanted = '' if pattern is None else f' that match {single_line(repr(pattern), MAX_LENGTH)}'
    lines = [f'{len(found)} {what}{wanted}, expected {expected}']
    if found:
        lines += list_messages(found, describe)
    elif candidates:
        lines.append(f'The nearest of {len(candidates)}:')
        lines += _nearest(pattern, candidates, describe)
    raise AssertionError('\n'.join(lines))


def list_messages(messages: Sequence[T], describe: Callable[[T], str]) -> list[str]:
    """Return lines with messages and their payloads."""
    lines = [f'  {describe(each)}: {_shown(each)}' for each in messages[:MAX_CANDIDATES]]
    if len(messages) > MAX_CANDIDATES:
        lines.append(f'  ... and {len(messages) - MAX_CANDIDATES} more')
    return lines


def _nearest(pattern: object, candidates: Sequence[T], describe: Callable[[T], str]) -> list[str]:
    if pattern is None:
        return list_messages(candidates, describe)
    compiled = _compile(pattern)
    return list_nearest([(each, explain(each.payload, compiled)) for each in candidates], describe)


def list_nearest(
    explained: Sequence[tuple[T, Explanation]], describe: Callable[[T], str]
) -> list[str]:
    """Return lines with the messages that almost match, and the explanation of each."""
    lines: list[str] = []
    for each, explanation in sorted(explained, key=lambda pair: _distance(*pair))[:MAX_CANDIDATES]:
        lines.append(f'  {describe(each)}: {_shown(each)}')
        if each.problem is None:
            lines += (f'    {line}' for line in str(explanation).splitlines())
    return lines


def _distance(candidate: Candidate, explanation: Explanation) -> tuple[bool, int, int]:
    """Return a number that is small for a message that almost matches."""
    failed = sum(not finding.holds for finding in explanation.findings)
    return candidate.problem is not None, failed, failed - len(explanation.findings)


def _shown(candidate: Candidate) -> str:
    if candidate.problem is not None:
        return f'invalid: {candidate.problem}'
    return single_line(repr(_plain(candidate.payload)), MAX_LENGTH)


def _compile(pattern: object) -> Pattern:
    return compile_pattern(_plain(pattern))


def _plain(value: object) -> object:
    if is_typed(value):
        payload = to_payload(value)
        if not isinstance(payload, Payload):
            return payload
        document = payload.to_dict()
        del document['event']['timestamp']  # the time of this call
        return document
    to_dict = getattr(value, 'to_dict', None)
    return to_dict() if callable(to_dict) and not isinstance(value, type) else value
