"""The pages of the documentation, for texts of the command: an installed package has none."""

from __future__ import annotations

__all__ = ('page_url',)

_PAGES = 'https://github.com/mega-distributed/sqs-mega/blob/main/docs'


def page_url(page: str) -> str:
    """Return the URL of a page, such as `doctor.md`."""
    return f'{_PAGES}/{page}'
