"""The filter criteria of a Lambda event source mapping.

`test_soundness` tests that they exclude no message that a subscriber matches.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega.aws.sns import to_filter_policy
from mega.aws.sqs.subscribe import EventSubscriber, TextSubscriber
from mega.errors import ConfigurationError
from mega.match.functions import cidr, not_, one_of, or_, prefix, substring, suffix, wildcard


def body_of(*subscribers: Any) -> Any:
    """Return the pattern for the body; None without filters."""
    filters = to_filter_policy(*subscribers).event_source_filters
    if not filters:
        return None
    [entry] = filters['Filters']
    assert entry.keys() == {'Pattern'}
    pattern = json.loads(entry['Pattern'])
    assert pattern.keys() == {'body'}
    return pattern['body']


class Purchase(EventSubscriber):
    domain = 'shop'
    name = one_of('item.added', prefix('checkout.'))

    def process(self, event: Any) -> None: ...


class Notes(TextSubscriber):
    def process(self, payload: Any) -> None: ...


def test_the_criteria_are_json_in_an_object_for_boto3() -> None:
    assert to_filter_policy({'type': 'order'}).event_source_filters == {
        'Filters': [{'Pattern': '{"body": {"type": ["order"]}}'}]
    }


def test_the_criteria_of_a_subscriber_test_its_event() -> None:
    assert body_of(Purchase) == {
        'event': {'domain': ['shop'], 'name': ['item.added', {'prefix': 'checkout.'}]},
        'protocol': ['mega'],
    }


@pytest.mark.parametrize(
    ('pattern', 'conditions'),
    [
        (suffix('a'), [{'suffix': 'a'}]),
        (not_(one_of('a', 'b')), None),
        (wildcard('a*b*c'), [{'prefix': 'a'}]),
        (wildcard('*b*c'), [{'suffix': 'c'}]),
        (substring('a'), None),
        (cidr('10.0.0.0/8'), None),
        (or_('x', cidr('10.0.0.0/8')), None),
        (None, [None]),
        (True, [True]),
    ],
    ids=repr,
)
def test_a_condition_that_lambda_does_not_have_is_wider(pattern: Any, conditions: Any) -> None:
    found = body_of({'type': 'order', 'a': pattern})
    assert found == {'type': ['order'], **({} if conditions is None else {'a': conditions})}


def test_alternatives_of_which_one_tests_nothing_are_left_out() -> None:
    assert body_of({'type': 'order'}, {'ip': cidr('10.0.0.0/8')}) is None
    both = body_of({'type': 'order'}, {'kind': 'invoice'})
    assert both == {'$or': [{'type': ['order']}, {'kind': ['invoice']}]}


def test_there_are_no_filters_if_the_function_must_receive_every_message() -> None:
    assert to_filter_policy(Notes).event_source_filters == {}


def test_there_are_no_filters_beyond_the_length_that_lambda_accepts() -> None:
    fits = to_filter_policy({'a': one_of(*(f'{n:0>9}' for n in range(100)))})
    assert len(fits.event_source_filters['Filters'][0]['Pattern']) <= 4_096
    names = [f'{n:0>40}' for n in range(100)]
    assert to_filter_policy({'a': one_of(*names)}).policy is not None
    assert body_of({'a': one_of(*names)}) is None


def test_filters_by_attributes_are_refused() -> None:
    policy = to_filter_policy({'type': 'order'}, attributes=['type'])
    with pytest.raises(ConfigurationError, match='by their body: call to_filter_policy without'):
        _ = policy.event_source_filters
