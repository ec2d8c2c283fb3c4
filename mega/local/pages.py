"""Pages of a list, in the order of the items' names."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Iterable

__all__ = ('page_of', 'read_token', 'token_of')


def page_of(names: Iterable[str], token: str | None, size: int) -> tuple[list[str], str | None]:
    """Return a page of names, and the token of the next page; None after the last page.

    A page begins after the last name of the page before. Changes between two pages therefore
    neither repeat nor skip other items.

    Raises:
        ValueError: for a token that no page has.
    """
    ordered = sorted(names)
    start = bisect_right(ordered, read_token(token)) if token else 0
    page = ordered[start : start + size]
    is_last = start + size >= len(ordered)
    return page, None if is_last else token_of(page[-1])


def token_of(name: str) -> str:
    """Return the token of the page after a name."""
    return urlsafe_b64encode(name.encode('utf-8', 'surrogatepass')).decode()


def read_token(token: str) -> str:
    """Return the name before a page: the inverse of `token_of`.

    Raises:
        ValueError: for a token that no page has.
    """
    return b64decode(token.encode(), b'-_', validate=True).decode('utf-8', 'surrogatepass')
