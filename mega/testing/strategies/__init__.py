"""Hypothesis strategies of payloads that match a pattern, and of payloads that do not.

    from mega.testing.strategies import matching, not_matching

    @given(matching(ItemAdded))                      # a subscriber class
    def test_every_item_is_counted(payload): ...

    @given(not_matching({'total': gt(100)}))         # a pattern
    def test_small_orders_are_ignored(payload): ...

The values are constructed from the pattern, in these steps:

    payloads.py      the payload: an event, a data object, a text or a blob
    fields.py        `field(...)`: the other field is generated first
    conditions.py    `and_`, `or_`, `not_`: which conditions one value must meet
    needs.py         one function per pattern: what a condition says about a value
    values.py        a value that meets all of them; texts.py and ranges.py have the details

For example, `and_(prefix('user:'), not_('user:0'))` is two conditions on one value. The first says
that it is a text, and how it begins. The second is tested at the end.

The module needs Hypothesis: `pip install hypothesis`.
"""

from __future__ import annotations

try:
    import hypothesis as _hypothesis  # noqa: F401
except ImportError as error:  # pragma: no cover
    raise ImportError(
        'mega.testing.strategies needs Hypothesis: run `pip install hypothesis`'
    ) from error

from mega.testing.strategies.payloads import matching, not_matching

__all__ = ('matching', 'not_matching')
