"""The demo shows the outcome of every message, reports unexpected outcomes, and cleans up."""

from __future__ import annotations

import io
import logging
import signal
from collections.abc import Callable
from dataclasses import replace
from subprocess import CompletedProcess

import pytest

from examples.demo.__main__ import main, show_failures
from examples.demo.aws import aws_at, temporary_bus
from examples.demo.live import play
from examples.demo.screen import Screen
from examples.demo.story import STEPS, Step, problems
from examples.demo.subscribers import AUDIT, FAILED, ORDERS, Mark, Report
from tests.local_aws import LocalAws
from tests.programs import left_behind, run, start

pytestmark = pytest.mark.no_cover  # other tests run the same lines

LETTER = Step('letter', 'hello', 'SNS', frozenset({(Mark.DONE, 'Letters'), (Mark.DONE, 'Audit')}))
LETTERS = Report(1, Mark.DONE, 'Letters', 'hello', was_wrapped=False, note='')
AUDITED = replace(LETTERS, subscriber='Audit', was_wrapped=True)


@pytest.fixture(scope='module')
def demo_on_ministack(ministack: LocalAws) -> CompletedProcess[str]:
    """One run on another AWS, in a terminal that knows ASCII only. Several tests look at it."""
    arguments = ['--fast', '--endpoint-url', ministack.endpoint_url, '--prefix', 'shop']
    return run('examples.demo', *arguments, PYTHONIOENCODING='ascii')


@pytest.fixture
def demo_here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the demo in this process, and return its exit status. Restore signals and logging."""
    monkeypatch.setattr(signal, 'signal', lambda number, handler: None)
    monkeypatch.setattr(logging.getLogger('mega'), 'handlers', [])

    def run_demo(*arguments: str) -> int:
        try:
            return main(arguments)
        except SystemExit as exit_request:  # argparse's
            return int(exit_request.code or 0)

    return run_demo


def test_the_demo_shows_every_message_on_an_aws_of_its_own() -> None:
    ended = run('examples.demo', '--fast')
    assert (ended.returncode, ended.stderr) == (0, '')
    lines = ended.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert not set('\033\r') & set(ended.stdout)
    assert lines[-1] == 'All results are as expected.'
    table = ''.join(lines[lines.index('') : -1])
    assert all(subscriber.__name__ in table for subscriber in (*ORDERS, *AUDIT))
    assert 'event.attributes.quantity is 0, not gt(0)' in table
    assert 'dead-lettered. ValueError: the card was declined' in table
    assert 'dead-lettered. Unmatched: no subscriber matched' in table


def test_the_demo_runs_on_another_aws_and_leaves_nothing_there(
    demo_on_ministack: CompletedProcess[str], ministack: LocalAws
) -> None:
    assert (demo_on_ministack.returncode, demo_on_ministack.stderr) == (0, '')
    assert f'MEGA on {ministack.endpoint_url}' in demo_on_ministack.stdout
    assert 'topic shop-' in demo_on_ministack.stdout
    assert left_behind(ministack, 'shop') == []


def test_a_terminal_without_the_signs_shows_the_rest(
    demo_on_ministack: CompletedProcess[str],
) -> None:
    assert '? Carts ? BulkOrders' in demo_on_ministack.stdout


def test_the_demo_warns_before_it_uses_aws_itself_and_cleans_up(
    moto: LocalAws,
    demo_here: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv('AWS_ENDPOINT_URL', moto.endpoint_url)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'testing')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'testing')
    assert demo_here('--fast', '--aws', '--region', moto.region) == 0
    errors = capsys.readouterr().err
    assert 'account 123456789012, the demo creates a topic and three queues' in errors
    assert left_behind(moto, 'mega-demo') == []


def test_a_stopped_demo_removes_its_queues_and_topic(moto: LocalAws) -> None:
    with start('examples.demo', '--endpoint-url', moto.endpoint_url, '--prefix', 'early') as demo:
        assert demo.stdout
        while 'user created' not in demo.stdout.readline():
            assert demo.poll() is None
        assert len(left_behind(moto, 'early')) == 4
        demo.send_signal(signal.SIGTERM)
        _, errors = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert 'Stopped' in errors
    assert left_behind(moto, 'early') == []


@pytest.mark.parametrize(
    ('arguments', 'problem'),
    [
        pytest.param(['--aws'], 'no region: pass --region', id='no region'),
        pytest.param(['--endpoint-url', 'http://127.0.0.1:1'], 'Could not connect', id='down'),
        pytest.param(['--endpoint-url', 'nonsense'], 'Invalid endpoint', id='invalid URL'),
        pytest.param(['--aws', '--endpoint-url', 'http://x'], 'not allowed with', id='both'),
        pytest.param(['--prefix', 'a b'], '1 to 40 letters', id='prefix'),
    ],
)
def test_the_last_line_says_why_the_demo_cannot_run(
    arguments: list[str],
    problem: str,
    demo_here: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert demo_here(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ''
    assert problem in shown.err.splitlines()[-1]
    assert 'Traceback' not in shown.err


# ── expected outcomes ────────────────────────────────────────────────────────────────────────────


def test_unexpected_outcomes_are_listed(moto: LocalAws) -> None:
    step = replace(LETTER, over='SQS', expected=frozenset({(Mark.DONE, 'Pictures')}))
    screen = Screen(stream := io.StringIO())
    aws = aws_at(moto.endpoint_url, moto.region)
    with temporary_bus(aws, 'mega-demo-test') as bus:
        outcome = play(screen, aws, bus, 0.0, [step], timeout=1.0)
    assert outcome.failures == [
        ' 1  letter: ✓ Pictures is missing',
        ' 1  letter: ✓ Letters is not expected',
    ]
    assert show_failures(screen, outcome.failures, ['error: the log']) == 1
    assert 'the log' in stream.getvalue()


@pytest.mark.parametrize(
    ('reports', 'unexpected'),
    [
        pytest.param([LETTERS, AUDITED], [], id='all'),
        pytest.param([LETTERS, AUDITED, LETTERS], [], id='delivered twice'),
        pytest.param([LETTERS], ['✓ Audit is missing'], id='missing'),
        pytest.param(
            [LETTERS, AUDITED, replace(LETTERS, subscriber='Mailer')],
            ['✓ Mailer is not expected'],
            id='too many',
        ),
        pytest.param(
            [replace(LETTERS, payload=b'hello'), AUDITED],
            ['Letters received a different payload'],
            id='another payload',
        ),
        pytest.param(
            [LETTERS, replace(AUDITED, was_wrapped=False)],
            ['Audit received no envelope'],
            id='no envelope',
        ),
        pytest.param(
            [replace(LETTERS, was_wrapped=True), AUDITED],
            ['Letters received an envelope'],
            id='envelope',
        ),
    ],
)
def test_a_problem_is_a_difference_from_the_expected_outcome(
    reports: list[Report], unexpected: list[str]
) -> None:
    for problem, start_of_text in zip(problems(LETTER, reports), unexpected, strict=True):
        assert problem.startswith(start_of_text)


def test_every_subscriber_is_expected_in_a_step() -> None:
    expected = {name for step in STEPS for _, name in step.expected}
    assert expected == {subscriber.__name__ for subscriber in (*ORDERS, *AUDIT, *FAILED)}


# ── the screen ───────────────────────────────────────────────────────────────────────────────────


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_colours() -> None:
    Screen(terminal := Terminal()).line('ok', 'green')
    assert terminal.getvalue() == '\033[32mok\033[0m\n'


@pytest.mark.parametrize(
    ('stream', 'use_colour', 'no_color'),
    [
        pytest.param(io.StringIO(), True, '', id='a file'),
        pytest.param(Terminal(), False, '', id='--no-color'),
        pytest.param(Terminal(), True, '1', id='NO_COLOR'),
    ],
)
def test_other_streams_show_no_colours(
    stream: io.StringIO, use_colour: bool, no_color: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('NO_COLOR', no_color)
    Screen(stream, use_colour).line('ok', 'green')
    assert stream.getvalue() == 'ok\n'


def test_a_row_is_redrawn_in_a_terminal_only() -> None:
    for stream, shown in ((Terminal(), ' 1  letter\r'), (io.StringIO(), '')):
        Screen(stream).update([[('1', '')], [('letter', '')]])
        assert stream.getvalue() == shown


def test_columns_are_aligned_with_and_without_colours() -> None:
    cells = [[('1', 'dim')], [('letter', 'bold')], [('SQS', '')]]
    widths = set()
    for stream in (Terminal(), io.StringIO()):
        Screen(stream).row(cells)
        widths.add(
            stream.getvalue().replace('\033[2m', '').replace('\033[1m', '').replace('\033[0m', '')
        )
    assert widths == {' 1  letter         SQS\n'}


def test_an_unknown_region_is_reported_in_one_line(
    demo_here: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo_here('--region', 'mars-1', '--fast') == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "the region 'mars-1' is unknown to the local AWS" in line
