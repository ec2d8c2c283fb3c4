"""Shrinking: the search for a simpler script that fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.simulation.choices import Script

__all__ = ('shrink',)

_TRIES = 4_000


def shrink(script: Script, rerun: Callable[[Script], Script | None]) -> Script:
    """Return a script that is shorter or has lower numbers, and fails in the same way.

    `rerun` runs a script. It returns the drawn numbers if the script fails, and None otherwise.
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
            drawn = rerun(candidate)
            if drawn is not None and _rank(drawn) < _rank(best):
                best = drawn
                improved = True
                break
    return best


def _rank(script: Script) -> tuple[int, int, Script]:
    """Return the rank of a script: simpler scripts have lower ranks.

    Zeros at the end do not count, because a script that is too short continues with zeros.
    """
    kept = list(script)
    while kept and not kept[-1]:
        kept.pop()
    return len(kept), sum(kept), kept


def _simpler(script: Script) -> Iterator[Script]:
    """Yield simpler scripts, with the largest changes first."""
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
            # The number may be a count of later choices. Then a later choice must go, too.
            for cut in range(at + 1, min(at + 40, size)):
                yield lowered[:cut] + lowered[cut + 1 :]
