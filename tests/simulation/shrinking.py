"""From a script that fails to a simple one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.simulation.choices import Script

__all__ = ('shrunk',)

_TRIES = 4_000


def shrunk(script: Script, again: Callable[[Script], Script | None]) -> Script:
    """A script that is shorter, or has lower numbers, and as a whole fails in the same way.

    `again` tries a script: what was drawn by it if it fails, else None.
    """
    best = script
    tries = 0
    improved = True
    while improved:
        improved = False
        for candidate in _simpler(best):
            tries += 1
            if tries > _TRIES:
                return best
            drawn = again(candidate)
            if drawn is not None and _rank(drawn) < _rank(best):
                best = drawn
                improved = True
                break
    return best


def _rank(script: Script) -> tuple[int, int, Script]:
    """How far from simple a script is. Zeros at its end count nothing: they come by themselves."""
    kept = list(script)
    while kept and not kept[-1]:
        kept.pop()
    return len(kept), sum(kept), kept


def _simpler(script: Script) -> Iterator[Script]:
    """Candidates, the boldest first."""
    size = len(script)
    for length in (size // 2, size // 4, 32, 8, 4, 2, 1):
        if not 0 < length < size:
            continue
        for start in range(size - length, -1, -length):
            before, part, after = (
                script[:start],
                script[start : start + length],
                script[start + length :],
            )
            yield before + after
            if any(part):
                yield before + [0] * length + after
    for at, number in enumerate(script):
        for lower in sorted({0, number // 2, number - 1}) if number > 0 else ():
            lowered = [*script[:at], lower, *script[at + 1 :]]
            yield lowered
            # Where it was a number of things, or a thing that more is drawn for.
            for cut in range(at + 1, min(at + 40, size)):
                yield lowered[:cut] + lowered[cut + 1 :]
