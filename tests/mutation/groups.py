"""The modules that mutation tests change, each with the fastest tests that concern it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ('GROUPS', 'Group')


class Group(NamedTuple):
    modules: tuple[str, ...]
    tests: tuple[str, ...]


LISTENER = 'mega/aws/sqs/subscribe'
TESTS_OF_LISTENER = 'tests/aws/sqs/subscribe'

GROUPS = {
    'codec': Group(
        ('mega/codec',),
        (
            'tests/test_codec.py', 'tests/test_codec_bson.py', 'tests/test_codec_detection.py',
            'tests/test_faults_bodies.py', 'tests/test_codec_properties.py',
        ),
    ),
    'functions': Group(
        ('mega/match/functions',),
        (
            'tests/match/test_cases.py', 'tests/match/test_functions.py',
            'tests/match/test_repr.py', 'tests/match/test_declaration.py',
            'tests/match/test_text.py', 'tests/match/test_arrays.py',
            'tests/match/test_missing.py', 'tests/match/test_field.py',
            'tests/match/test_network_and_kind.py', 'tests/match/test_immutability.py',
        ),
    ),
    'pattern': Group(
        ('mega/match/pattern.py', 'mega/match/comparables.py'),
        (
            'tests/match/test_cases.py', 'tests/match/test_functions.py',
            'tests/match/test_repr.py', 'tests/match/test_declaration.py',
            'tests/match/test_numbers.py', 'tests/match/test_dates.py',
            'tests/match/test_values.py', 'tests/match/test_missing.py',
            'tests/match/test_predicates.py', 'tests/match/test_decimal_contexts.py',
            'tests/match/test_immutability.py',
        ),
    ),
    'settlement': Group(
        (f'{LISTENER}/processing/settlement.py',),
        (f'{TESTS_OF_LISTENER}/processing', f'{TESTS_OF_LISTENER}/test_machine_failures.py'),
    ),
    'dispatch': Group(
        (f'{LISTENER}/processing/dispatch.py',),
        (
            f'{TESTS_OF_LISTENER}/processing',
            f'{TESTS_OF_LISTENER}/test_context_variables.py',
            f'{TESTS_OF_LISTENER}/test_log_of_failures.py',
        ),
    ),
    'engine': Group(
        (f'{LISTENER}/engine',), (f'{TESTS_OF_LISTENER}/engine', 'tests/simulation')
    ),
}  # fmt: skip
