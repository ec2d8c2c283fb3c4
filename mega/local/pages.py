"""Pages of a list, in the order of the items' names."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Iterable

__all__ = ('page_of',)


def page_of(names: Iterable[str], token: str | None, size: int) -> tuple[list[str], str | None]:
    """Return a page of names, and the token of the next page; None after the last page.

    A page begins after the last name of the page before. Changes between two pages therefore
    neither repeat nor skip other items.

    Raises:
        ValueError: for a token that no page has.
    """
    ordered = sorted(names)
    last = b64decode(token.encode(), b'-_', validate=True).decode() if token else ''
    start = bisect_right(ordered, last)
    page = ordered[start : start + size]
    is_last = start + size >= len(ordered)
    return page, None if is_last else urlsafe_b64encode(page[-1].encode()).decode()
