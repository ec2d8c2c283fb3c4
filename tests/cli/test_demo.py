"""The demo shows the outcome of every message, reports unexpected outcomes, and cleans up."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from mega.cli.demo.aws import aws_at, temporary_bus
from mega.cli.demo.command import show_failures
from mega.cli.demo.live import play
from mega.cli.demo.reports import Mark, Report
from mega.cli.demo.screen import Screen
from mega.cli.demo.story import STEPS, Step, problems
from mega.cli.demo.subscribers import AUDIT, FAILED, ORDERS, create_listeners
from tests.cli.command import Result, mega, mega_on_terminal, mega_process, start_mega
from tests.cli.demo_picture import PICTURE, draw, excerpt, texts
from tests.local_aws import LocalAws
from tests.programs import left_behind

LETTER = Step('letter', 'hello', 'SNS', frozenset({(Mark.DONE, 'Letters'), (Mark.DONE, 'Audit')}))
LETTERS = Report(1, Mark.DONE, 'Letters', 'hello', was_wrapped=False, note='')
AUDITED = replace(LETTERS, subscriber='Audit', was_wrapped=True)


@pytest.fixture(scope='module')
def demo() -> Result:
    """One run, on the AWS that the demo starts. Several tests look at it."""
    return mega('demo', '--fast')


@pytest.fixture(scope='module')
def demo_on_ministack(ministack: LocalAws) -> Result:
    """One run on another AWS, in a terminal that knows ASCII only. Several tests look at it."""
    arguments = ['--fast', '--endpoint-url', ministack.endpoint_url, '--prefix', 'shop']
    return mega_process('demo', *arguments, environment={'PYTHONIOENCODING': 'ascii'})


def screen_of(stream: io.StringIO, *, has_color: bool = False, width: int = 80) -> Screen:
    return Screen(stream, has_color=has_color, width=width)


def test_the_demo_shows_every_message_on_an_aws_of_its_own(demo: Result) -> None:
    assert (demo.code, demo.err) == (0, '')
    lines = demo.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not set('\033\r') & set(demo.out)
    assert lines[-1] == 'All results are as expected.'
    table = ''.join(lines[lines.index('') : -1])
    assert all(subscriber.__name__ in table for subscriber in (*ORDERS, *AUDIT))
    assert 'event.attributes.quantity is 0, not gt(0)' in table
    assert 'dead-lettered. ValueError: the card was declined' in table
    assert 'dead-lettered. Unmatched: no subscriber matched' in table


@pytest.mark.skipif(not PICTURE.exists(), reason='only a checkout has the picture')
def test_the_picture_of_the_demo_shows_what_the_demo_prints(demo: Result) -> None:
    shown = texts(PICTURE.read_text(encoding='utf-8'))
    assert shown == excerpt(demo.out), 'python -m tests.cli.demo_picture draws it again'


def test_a_picture_shows_the_last_state_of_each_row_in_its_columns() -> None:
    output = 'introduction\n\n#  payload\n1  a\r1  a  \033[32m✓ One\033[0m\n\nsummary\nAll <good>\n'
    lines = excerpt(output)
    assert lines == [
        '$ mega demo',
        '',
        '#  payload',
        '1  a  \033[32m✓ One\033[0m',
        '',
        'All <good>',
    ]
    assert texts(draw(lines)) == [re.sub(r'\033\[\d+m', '', line) for line in lines]


def test_the_demo_runs_on_another_aws_and_leaves_nothing_there(
    demo_on_ministack: Result, ministack: LocalAws
) -> None:
    assert (demo_on_ministack.code, demo_on_ministack.err) == (0, '')
    assert f'MEGA on {ministack.endpoint_url}' in demo_on_ministack.out
    assert 'topic shop-' in demo_on_ministack.out
    assert left_behind(ministack, 'shop') == []


def test_a_terminal_without_the_signs_shows_the_rest(demo_on_ministack: Result) -> None:
    assert '? Carts ? BulkOrders' in demo_on_ministack.out


@pytest.mark.no_cover
def test_the_demo_warns_before_it_uses_aws_itself_and_cleans_up(moto: LocalAws) -> None:
    environment = {
        'AWS_ENDPOINT_URL': moto.endpoint_url,
        'AWS_ACCESS_KEY_ID': 'testing',
        'AWS_SECRET_ACCESS_KEY': 'testing',
    }
    arguments = ['--fast', '--aws', '--region', moto.region]
    result = mega('demo', *arguments, environment=environment)
    assert result.code == 0
    assert 'account 123456789012, the demo creates a topic and three queues' in result.err
    assert left_behind(moto, 'mega-demo') == []


@pytest.mark.no_cover
def test_a_stopped_demo_removes_its_queues_and_topic(moto: LocalAws) -> None:
    with start_mega('demo', '--endpoint-url', moto.endpoint_url, '--prefix', 'early') as demo:
        while 'user created' not in demo.stdout.readline():
            assert demo.poll() is None
        assert len(left_behind(moto, 'early')) == 4
        demo.terminate()
        _, errors = demo.communicate()
    assert demo.returncode == 143
    deleted = 'The demo has deleted its topic and queues.'
    assert errors.split() == [*deleted.split(), 'Terminated']
    assert left_behind(moto, 'early') == []


@pytest.mark.no_cover
def test_ctrl_c_ends_the_demo_on_a_narrow_terminal() -> None:
    result = mega_on_terminal('demo', keys='\x03', after='✓', columns=40)
    assert result.code == 130
    assert result.out.endswith('The demo has deleted its topic and queues.\n\nInterrupted\n')
    assert '\033[32m' in result.out
    lines = re.sub(r'\033\[[0-9;]*m|\^C', '', result.out).splitlines()[:-4]
    assert max(map(len, lines)) <= 40


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ('arguments', 'code', 'problem'),
    [
        pytest.param(['--aws'], 2, 'no AWS region', id='no region'),
        pytest.param(['--endpoint-url', 'http://127.0.0.1:1'], 4, 'Could not connect', id='down'),
        pytest.param(['--endpoint-url', 'nonsense'], 2, 'Invalid endpoint', id='invalid URL'),
        pytest.param(['--region', 'mars-1'], 2, "the region 'mars-1' is unknown", id='region'),
        pytest.param(['--aws', '--endpoint-url', 'http://x'], 2, 'not allowed', id='both'),
        pytest.param(['--prefix', 'a b'], 2, '1 to 40 letters', id='prefix'),
    ],
)
def test_the_last_line_says_why_the_demo_cannot_run(
    arguments: list[str], code: int, problem: str
) -> None:
    result = mega('demo', *arguments)
    assert (result.code, result.out) == (code, '')
    assert problem in result.err.splitlines()[-1]
    assert 'Traceback' not in result.err


# ── expected outcomes ────────────────────────────────────────────────────────────────────────────


def test_unexpected_outcomes_are_listed(moto: LocalAws) -> None:
    step = replace(LETTER, over='SQS', expected=frozenset({(Mark.DONE, 'Pictures')}))
    screen = screen_of(stream := io.StringIO())
    aws = aws_at(moto.endpoint_url, moto.region)
    with temporary_bus(aws, 'mega-demo-test') as bus:
        outcome = play(screen, aws, bus, create_listeners(aws, bus), 0.0, [step], timeout=1.0)
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


CELLS = [[('1', 'dim')], [('letter', 'bold')], [('SQS', '')], [('text', '')], [('2', '')]]
ROW = [*CELLS, [('✓ Letters', 'green'), ('✗ Checkout', 'red')], [('✓ Audit', 'green')]]


def test_styles_are_colors_only_if_the_screen_has_color() -> None:
    shown = []
    for has_color in (True, False):
        screen_of(stream := io.StringIO(), has_color=has_color).line('ok', 'green')
        shown.append(stream.getvalue())
    assert shown == ['\033[32mok\033[0m\n', 'ok\n']


def test_a_row_is_redrawn_in_a_wide_terminal_only() -> None:
    for stream, width, shown in (
        (Terminal(), 80, ' 1  letter\r'),
        (Terminal(), 79, ''),
        (io.StringIO(), 80, ''),
    ):
        screen_of(stream, width=width).update([[('1', '')], [('letter', '')]])
        assert stream.getvalue() == shown


def test_columns_are_aligned_with_and_without_colors() -> None:
    rows = set()
    for has_color in (True, False):
        screen_of(stream := io.StringIO(), has_color=has_color).row(ROW)
        rows.add(re.sub(r'\033\[[0-9;]*m', '', stream.getvalue()))
    assert rows == {' 1  letter         SQS   text        2  ✓ Letters ✗ Checkout      ✓ Audit\n'}


def test_in_a_narrow_terminal_a_row_has_two_lines_and_texts_are_wrapped() -> None:
    screen = screen_of(stream := io.StringIO(), width=40)
    screen.row(ROW)
    screen.row([*CELLS, ROW[-2], []])
    screen.row([*CELLS, [], ROW[-1]])
    screen.row(CELLS)
    screen.line('    dead-lettered. ValueError: the card was declined')
    assert stream.getvalue().splitlines() == [
        ' 1  letter         SQS   text        2',
        '    ✓ Letters ✗ Checkout | ✓ Audit',
        ' 1  letter         SQS   text        2',
        '    ✓ Letters ✗ Checkout',
        ' 1  letter         SQS   text        2',
        '     | ✓ Audit',
        ' 1  letter         SQS   text        2',
        '    dead-lettered. ValueError: the card',
        '      was declined',
    ]
