from __future__ import annotations

from pathlib import Path

import pytest

from mega.cli.exit_status import TargetError
from mega.cli.target import load_listener
from tests.cli.command import mega

LISTENER = """
from mega.aws.sqs.subscribe import SqsListener
{name} = SqsListener('https://sqs.eu-west-1.amazonaws.com/123456789012/{name}')
"""


@pytest.fixture(autouse=True)
def _path_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend('.')


def problem(target: str, directory: Path) -> str:
    with pytest.raises(TargetError) as raised:
        load_listener(target, str(directory))
    return str(raised.value)


def test_a_module_that_holds_one_listener_is_a_target(tmp_path: Path) -> None:
    (tmp_path / 'sole_worker.py').write_text(LISTENER.format(name='orders'))
    for target in ('sole_worker', 'sole_worker:orders', 'sole_worker.py', 'sole_worker.py:orders'):
        assert load_listener(target, str(tmp_path)).queue_url.endswith('/orders')


def test_an_attribute_may_be_inside_a_class(tmp_path: Path) -> None:
    code = LISTENER.format(name='orders') + 'class Settings:\n    listener = orders\n'
    (tmp_path / 'nested_worker.py').write_text(code)
    target = 'nested_worker:Settings.listener'
    assert load_listener(target, str(tmp_path)).queue_url.endswith('/orders')


def test_several_listeners_are_named_in_the_error(tmp_path: Path) -> None:
    code = LISTENER.format(name='orders') + LISTENER.format(name='refunds')
    (tmp_path / 'double_worker.py').write_text(code)
    assert problem('double_worker', tmp_path) == (
        "'double_worker' holds several listeners (orders, refunds): name one: double_worker:orders"
    )
    assert problem('double_worker:none', tmp_path) == (
        "'double_worker:none': double_worker has no attribute 'none' "
        '(listeners in the module: orders, refunds)'
    )


def test_the_error_of_an_import_names_the_line_of_the_users_code(tmp_path: Path) -> None:
    (tmp_path / 'failing_worker.py').write_text('import os\n\n1 / 0\n')
    assert problem('failing_worker', tmp_path) == (
        "'failing_worker': failing_worker cannot be imported: ZeroDivisionError: division by zero "
        f'({tmp_path}/failing_worker.py, line 3)'
    )
    (tmp_path / 'broken_worker.py').write_text('def f(:\n')
    assert f'({tmp_path}/broken_worker.py, line 1)' in problem('broken_worker.py', tmp_path)


def test_a_missing_module_differs_from_a_module_that_imports_a_missing_one(tmp_path: Path) -> None:
    assert problem('no_such_worker:listener', tmp_path) == (
        "'no_such_worker:listener': no module named 'no_such_worker': "
        'it is not in the directory of --app-dir, and not installed'
    )
    (tmp_path / 'needy_worker.py').write_text('import no_such_dependency\n')
    assert 'needy_worker cannot be imported: ModuleNotFoundError' in problem(
        'needy_worker', tmp_path
    )


@pytest.mark.parametrize(
    ('target', 'expected'),
    [
        ('value_worker:number', "'value_worker:number' is 5, not an SqsListener"),
        ('value_worker:make', "'value_worker:make' returned 5, not an SqsListener"),
        ('value_worker:needs', 'cannot be called without arguments'),
        ('value_worker:fails', 'cannot be called: KeyError: '),
        ('value_worker', 'holds no SqsListener'),
        ('not a module', 'is not a target'),
        ('missing.py', "there is no file '"),
    ],
)
def test_any_other_object_is_refused(target: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / 'value_worker.py').write_text(
        'number = 5\n'
        'def make(): return 5\n'
        'def needs(queue): ...\n'
        'def fails(): raise KeyError("QUEUE_URL")\n'
    )
    assert expected in problem(target, tmp_path)


SUBSCRIBER = """
from mega.aws.sqs.subscribe import EventSubscriber
class ItemAdded(EventSubscriber):
    def __init__(self): raise AssertionError('is not called')
    def process(self, event): ...
"""


@pytest.mark.parametrize(
    ('listeners', 'present'), [((), 'none'), (('orders', 'refunds'), 'orders, refunds')]
)
def test_the_error_of_a_subscriber_says_to_name_a_listener(
    listeners: tuple[str, ...], present: str, tmp_path: Path
) -> None:
    code = SUBSCRIBER + ''.join(LISTENER.format(name=name) for name in listeners)
    (tmp_path / f'subscriber_{len(listeners)}.py').write_text(code)
    target = f'subscriber_{len(listeners)}:ItemAdded'
    assert problem(target, tmp_path) == (
        f'{target!r} is a subscriber, not an SqsListener: create `listener = '
        'SqsListener(queue_url, [ItemAdded])`, and name the listener '
        f'(listeners in the module: {present})'
    )


def test_a_target_that_cannot_be_loaded_is_exit_code_3(tmp_path: Path) -> None:
    result = mega('explain', 'no_such_worker', '{}', '--app-dir', str(tmp_path))
    assert result.code == 3
    assert result.err.startswith("Error: 'no_such_worker': no module named")
    assert result.err.count('\n') == 1
