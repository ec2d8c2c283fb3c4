"""The functions of the pattern language.

Every function returns a pattern. Invalid arguments raise a `PatternError` immediately.
If a parameter is a pattern, it may be any value.

    comparison  eq neq gt gte lt lte between
    logic       one_of in_ none_of, not_ and_ or_
    text        match fullmatch search, prefix suffix substring wildcard iequals
    json        json_text
    network     cidr
    presence    any_ exists missing optional empty is_a
    arrays      contains contains_all every length exactly
    paths       field
"""

from mega.match.functions.arrays import contains, contains_all, every, exactly, length
from mega.match.functions.comparison import between, eq, gt, gte, lt, lte, neq
from mega.match.functions.embedded_json import json_text
from mega.match.functions.logic import and_, in_, none_of, not_, one_of, or_
from mega.match.functions.network import cidr
from mega.match.functions.paths import field
from mega.match.functions.presence import any_, empty, exists, is_a, missing, optional
from mega.match.functions.text import (
    fullmatch,
    iequals,
    match,
    prefix,
    search,
    substring,
    suffix,
    wildcard,
)

__all__ = (
    'and_',
    'any_',
    'between',
    'cidr',
    'contains',
    'contains_all',
    'empty',
    'eq',
    'every',
    'exactly',
    'exists',
    'field',
    'fullmatch',
    'gt',
    'gte',
    'iequals',
    'in_',
    'is_a',
    'json_text',
    'length',
    'lt',
    'lte',
    'match',
    'missing',
    'neq',
    'none_of',
    'not_',
    'one_of',
    'optional',
    'or_',
    'prefix',
    'search',
    'substring',
    'suffix',
    'wildcard',
)
