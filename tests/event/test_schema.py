"""The protocol's JSON Schema and the code accept the same documents.

They differ only in rules that a schema cannot express, which `breaks_inexpressible_rule` lists.
"""

from __future__ import annotations

import copy
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event as note
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mega.errors import EventError
from mega.event import Payload
from tests.event.examples import ITEM_ADDED, USER_LOGIN, document, item_added, user_created
from tests.strategies import event_documents, event_payloads

SCHEMA = json.loads(
    (Path(__file__).parents[2] / 'resources' / 'mega-event.schema.json').read_text('utf-8')
)
VALIDATOR = Draft202012Validator(SCHEMA)

FIELDS = [
    ('protocol',), ('version',), ('event',), ('object',), ('extra',),
    *(('event', key) for key in ('name', 'timestamp', 'version', 'domain', 'subject')),
    ('event', 'publisher'), ('event', 'attributes'), ('event', 'colour'), ('comment',),
    *(('object', key) for key in ('type', 'id', 'version', 'current', 'previous', 'colour')),
]  # fmt: skip
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, 0, 1, 2, -1, 2**70, 1.0, 2.0, 1.5, '', '1', '2', 'mega', 'MEGA', 'x',
        [], {}, ['a'], {'colour': 1}, {'name': 'x'}, [None], '2020-02-29', '2021-02-29',
        '2020-05-04T15:53:23.123', '2020-05-04T24:00:00', '9999-12-31T24:00', '2020-1-1',
        '9999-12-31T23:59:59-14:00', '0001-01-01T00:00:00+14:00', '2020-05-04T15:53:23\n',
    ]
)  # fmt: skip
# Most texts of this form are nearly timestamps, and many are valid timestamps.
NEARLY_TIMESTAMPS = st.from_regex(
    r'[012][0-9]{3}-[0-3][0-9]-[0-3][0-9]([T ][0-2][0-9](:[0-6][0-9](:[0-6][0-9]'
    r'([.,][0-9]{1,13})?)?)?(Z|z|[+-][0-2][0-9](:?[0-6][0-9])?)?)?\n?',
    fullmatch=True,
)


@st.composite
def mutated_documents(draw: st.DrawFn) -> dict[str, Any]:
    """Generate valid documents, and remove or replace some of their fields."""
    result = copy.deepcopy(draw(event_documents()))
    for *parents, key in draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=2)):
        holder = result
        for parent in parents:
            holder = holder.get(parent) or {}
        if not isinstance(holder, dict):
            continue
        if draw(st.integers(0, 3)):
            close = NEARLY_TIMESTAMPS if key == 'timestamp' else JUNK
            holder[key] = draw(JUNK | close)
        else:
            holder.pop(key, None)
    return result


def accepted(candidate: Any) -> bool:
    try:
        Payload.from_dict(candidate)
    except EventError:
        return False
    return True


def breaks_inexpressible_rule(candidate: dict[str, Any]) -> bool:
    """Return whether a document that fits the schema breaks a rule that no schema can express."""
    event = candidate['event']
    described = candidate.get('object') or {}
    return (
        _has_duplicate_key(event)
        or not _exists_in_the_calendar(event['timestamp'])
        # In JSON Schema, 1.0 is an integer, and equal to 1.
        or any(isinstance(part.get('version'), float) for part in (event, described))
    )


def _has_duplicate_key(event: dict[str, Any]) -> bool:
    listed = SCHEMA['$defs']['event']['properties'].keys()
    return bool((event.keys() - listed) & (event.get('attributes') or {}).keys())


def _exists_in_the_calendar(timestamp: str) -> bool:
    """Return whether a timestamp of the right form exists, in the years 1 to 9999 of UTC."""
    found = re.match(r'([\d-]{10})(?:.(\d\d):?(\d\d)?:?(\d\d)?)?', timestamp)
    offset = re.search(r'.{11}.*([+-])(\d\d):?(\d\d)?$', timestamp)
    assert found
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    try:
        moment = datetime.strptime(found[1], '%Y-%m-%d')
        moment += timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if offset:
            shift = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
            moment += -shift if offset[1] == '+' else shift
    except (ValueError, OverflowError):
        return False
    return True


def test_the_schema_is_valid_and_needs_no_network() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA['$schema'] == 'https://json-schema.org/draft/2020-12/schema'
    assert all(ref.startswith('#/') for ref in re.findall(r'"\$ref": "(.*?)"', json.dumps(SCHEMA)))


def test_every_field_has_a_title_and_a_description() -> None:
    parts = [SCHEMA, *SCHEMA['$defs'].values()]
    fields = [field for part in parts for field in part['properties'].values()]
    described = [field for field in fields if '$ref' not in field and 'anyOf' not in field]
    assert len(described) >= 15
    for part in [*parts, *described]:
        assert part['title']
        assert part['description'].endswith(('.', '.`'))


@pytest.mark.parametrize(
    'valid',
    [
        ITEM_ADDED,
        USER_LOGIN,
        document(),
        user_created().build().to_dict(),
        item_added().to_dict(),
    ],
    ids=['inline attributes', 'version as text', 'smallest', 'user created', 'item added'],
)
def test_the_examples_are_valid(valid: dict[str, Any]) -> None:
    VALIDATOR.validate(valid)
    assert accepted(valid)


@given(event_documents())
def test_a_valid_document_is_accepted(valid: dict[str, Any]) -> None:
    VALIDATOR.validate(valid)
    VALIDATOR.validate(Payload.from_dict(valid).to_dict())


@given(event_payloads())
def test_every_written_document_is_valid(payload: Payload) -> None:
    VALIDATOR.validate(payload.to_dict())


@given(mutated_documents())
@example(document({'a': 1, 'attributes': {'a': 1}}))
@example(document({'timestamp': '2021-02-29T00:00:00'}))
@example(document({'version': 1.0}))
@example(document({}, version=1.0))
def test_the_schema_and_the_code_agree(candidate: dict[str, Any]) -> None:
    valid = VALIDATOR.is_valid(candidate)
    if valid and breaks_inexpressible_rule(candidate):
        note('inexpressible')
        assert not accepted(candidate)
    else:
        note('valid' if valid else 'invalid')
        assert accepted(candidate) == valid


@given(NEARLY_TIMESTAMPS)
@example('9999-12-31T24:00:00')
@example('2020-02-29T24:00')
@example('2020-05-04T24:00:00,000Z')
@example('2020-05-04T24')
@example('2020-05-04T15+02')
def test_the_schema_and_the_code_agree_on_timestamps(timestamp: str) -> None:
    candidate = document({'timestamp': timestamp})
    valid = VALIDATOR.is_valid(candidate)
    assert accepted(candidate) == (valid and _exists_in_the_calendar(timestamp))


@pytest.mark.parametrize('value', [None, 5, 'mega', [], True], ids=repr)
def test_the_schema_refuses_values_that_are_not_objects(value: Any) -> None:
    assert not VALIDATOR.is_valid(value)
    assert not accepted(value)
