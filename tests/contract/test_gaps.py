"""The list of gaps fits the suite."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter

import pytest

from tests import contract
from tests.contract.gaps import COLLECTED, GAPS


def test_each_behaviour_has_a_name_of_its_own() -> None:
    repeated = [name for name, times in Counter(names_of_tests()).items() if times > 1]
    assert repeated == []


@pytest.mark.parametrize('backend', GAPS)
def test_each_gap_is_a_gap_of_a_behaviour(backend: str, pytestconfig: pytest.Config) -> None:
    """The cases of a test are known if this run collects it."""
    tests = set(names_of_tests())
    collected = {name for name, of in pytestconfig.stash.get(COLLECTED, set()) if of == backend}
    collected_tests = {name.partition('[')[0] for name in collected}
    for names in GAPS[backend].values():
        for name in names:
            test = name.partition('[')[0]
            assert test in tests, f'{name} is not a behaviour'
            if test in collected_tests:
                assert name in collected | collected_tests, f'{name} is not a case of its test'


def test_the_own_backends_have_no_gaps() -> None:
    assert set(GAPS) == {'moto', 'ministack'}


@pytest.mark.parametrize('backend', GAPS)
def test_a_gap_has_one_reason(backend: str) -> None:
    names = Counter(name for names in GAPS[backend].values() for name in names)
    assert [name for name, times in names.items() if times > 1] == []


def names_of_tests() -> list[str]:
    """Return the names of the tests of all modules, without `test_`."""
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(contract.__path__, 'tests.contract.')
        if '.test_' in module.name
    ]
    return [
        name.removeprefix('test_')
        for module in modules
        for name in vars(module)
        if name.startswith('test_')
    ]
