"""A filter policy taken apart: branches of which one has to hold, and in it every key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from mega.aws._messages.filter_attributes import Path
from mega.aws.sns.filter_policy.operators import Item, selectivity, without_covered

__all__ = ('MATCH_ALL', 'Branch', 'Items', 'intersect', 'is_narrower', 'simplified')

Items = frozenset[Item]


@dataclass(frozen=True, slots=True)
class Branch:
    """What is asked at some paths, all of which has to hold. Of no paths: it always does."""

    keys: Mapping[Path, Items] = field(default_factory=dict)
    enters_arrays: bool = False
    """Whether its paths may lead through arrays. SNS then holds all of them to one member."""

    @property
    def selectivity(self) -> float:
        """About which share of messages it lets through."""
        return prod(map(selectivity, self.keys.values()))

    def asking(self, path: Path, items: Items) -> Branch:
        return Branch({**self.keys, path: items}, self.enters_arrays)

    def without(self, path: Path) -> Branch:
        kept = {key: items for key, items in self.keys.items() if key != path}
        return Branch(kept, self.enters_arrays)


MATCH_ALL = Branch()


def intersect(one: Branch, other: Branch) -> Branch:
    """What holds where both do, or something wider, where SNS cannot be asked both.

    It is asked one thing at a path, and nothing below it. What holds of two members of one array
    would have to hold of one.
    """
    if one.enters_arrays and other.enters_arrays:
        return min(one, other, key=lambda branch: branch.selectivity)
    keys = dict(one.keys)
    for path, items in other.keys.items():
        rivals = [key for key in keys if key[: len(path)] == path or path[: len(key)] == key]
        if all(selectivity(items) < selectivity(keys[key]) for key in rivals):
            for key in rivals:
                del keys[key]
            keys[path] = items
    return Branch(keys, one.enters_arrays or other.enters_arrays)


def is_narrower(one: Branch, other: Branch) -> bool:
    """Whether one surely lets through nothing that the other does not."""
    return all(path in one.keys and one.keys[path] <= items for path, items in other.keys.items())


def simplified(branches: Iterable[Branch]) -> list[Branch]:
    """Fewer branches that let through the same."""
    left = _joined(list(branches))
    kept: list[Branch] = []
    for place, branch in enumerate(left):
        wider = (other for other in (*kept, *left[place + 1 :]) if is_narrower(branch, other))
        if next(wider, None) is None:
            kept.append(branch)
    return kept


def _joined(branches: Sequence[Branch]) -> list[Branch]:
    """Those that differ at one path are one."""
    left = list(branches)
    paths = sorted({path for branch in left for path in branch.keys})
    for path in paths:
        same: dict[object, Branch] = {}
        for branch in left:
            if path not in branch.keys:
                same[object()] = branch
                continue
            rest = frozenset(branch.without(path).keys.items()), branch.enters_arrays
            found = same.get(rest)
            items = without_covered(
                branch.keys[path] | (found.keys[path] if found else frozenset())
            )
            same[rest] = branch.asking(path, items)
        left = list(same.values())
    return left
