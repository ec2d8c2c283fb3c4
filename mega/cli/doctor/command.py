"""`mega doctor`: checks a queue, its listener and what they depend on."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator

import click

from mega.aws.sqs.subscribe.preflight.findings import Finding, Severity
from mega.cli.doctor.examination import NECESSARY, examine, necessary
from mega.cli.doctor.setup import Setup
from mega.cli.documentation import page_url
from mega.cli.exit_status import FAILURE, REFUSED, SUCCESS
from mega.cli.options import app_dir_option, aws_options, output_options
from mega.cli.output import Output, Record, notify, terminal_width
from mega.cli.queues import find_queue, is_target
from mega.cli.target import load_listener
from mega.errors import TransportError

__all__ = ('command', 'exit_code', 'record_of', 'text_of')

_COLORS = {Severity.ERROR: 'red', Severity.WARNING: 'yellow', Severity.NOTE: 'cyan'}
_INDENT = '    '
_MIN_WIDTH = 20


_HELP = f"""Check a listener and its queue, or a QUEUE alone, and what they depend on.

Each finding has a code and a remedy. The command changes nothing and receives no message. A check
that AWS does not permit is a note. The codes:
{page_url('doctor.md')}

The exit code is 1 with errors or warnings, and 4 without valid credentials or a queue.
"""


@click.command('doctor', help=_HELP)
@click.argument('subject', metavar='TARGET|QUEUE')
@click.option('--strict', is_flag=True, help='Exit with 1 for notes, too.')
@app_dir_option
@aws_options
@output_options
def command(subject: str, strict: bool, app_dir: str, output: Output) -> int:
    try:
        setup = _setup(subject, app_dir)
    except TransportError as error:  # SQS did not return the URL of a name
        found = [necessary(subject, error)]
        output.many(map(record_of, found), text_of)
    else:
        found = _examine(setup, output)
    return exit_code(found, strict=strict)


def _setup(subject: str, app_dir: str) -> Setup:
    if is_target(subject):
        listener = load_listener(subject, app_dir)
        return Setup(listener._aws, listener.queue_url, listener)
    return Setup(*find_queue(subject, app_dir))


def _examine(setup: Setup, output: Output) -> list[Finding]:
    """Make the checks, and print each finding as soon as it is known."""
    found: list[Finding] = []

    def records() -> Iterator[Record]:
        for finding in examine(setup):
            found.append(finding)
            yield record_of(finding)

    try:
        output.many(records(), text_of)
    finally:
        setup.close()
    notify(_summary(setup, found))
    return found


def exit_code(found: list[Finding], *, strict: bool) -> int:
    """Return the exit code for findings."""
    if any(finding.code in NECESSARY for finding in found):
        return REFUSED
    counts = strict or any(finding.severity is not Severity.NOTE for finding in found)
    return FAILURE if found and counts else SUCCESS


def record_of(finding: Finding) -> Record:
    """Return a finding as a record."""
    return {
        'code': finding.code,
        'severity': finding.severity.value,
        'subject': finding.subject,
        'problem': finding.problem,
        'remedy': finding.remedy,
    }


def text_of(record: Record) -> str:
    """Return a finding in lines that fit the terminal: the problem, and below it the remedy."""
    severity = Severity(record['severity'])
    title = click.style(f'{severity.value} {record["code"]}', fg=_COLORS[severity], bold=True)
    texts = (f'{record["subject"]} {record["problem"]}.', record['remedy'])
    return '\n'.join([title, *(_wrapped(text) for text in texts)])


def _wrapped(text: str) -> str:
    return textwrap.fill(
        text,
        max(_MIN_WIDTH, terminal_width()),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(setup: Setup, found: list[Finding]) -> str:
    counts = Counter(finding.severity for finding in found)
    numbers = [
        f'{counts[each]} {each.value}{"s" * (counts[each] != 1)}'
        for each in Severity
        if counts[each]
    ]
    identity = f' as {setup.identity}' if setup.identity else ''
    unknown = '' if identity else ', with unknown credentials'
    made = f'{setup.queue_url}, checked{identity} in {setup.aws.region}{unknown}'
    return f'{made}: {", ".join(numbers) or "no findings"}'
