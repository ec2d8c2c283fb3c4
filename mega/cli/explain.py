"""`mega explain`: which subscribers of a listener match a payload, and why the others do not."""

from __future__ import annotations

import click

from mega.aws.sqs.subscribe import MessageSubscriber
from mega.cli.exit_status import FAILURE, SUCCESS
from mega.cli.options import app_dir_option, output_options
from mega.cli.output import Output, Record
from mega.cli.payload_argument import read_payload
from mega.cli.target import load_listener
from mega.match import Explanations

__all__ = ('command', 'explanation_records')


@click.command('explain')
@click.argument('target')
@click.argument('payload')
@app_dir_option
@output_options
def command(target: str, payload: str, app_dir: str, output: Output) -> int:
    """Explain for each subscriber of TARGET why it matches PAYLOAD or not.

    PAYLOAD is text, `-` for stdin or @FILE. The exit code is 1 if no subscriber matches.
    """
    listener = load_listener(target, app_dir)
    explanations = listener.explain(read_payload(payload))
    output.all(explanation_records(explanations), lambda records: str(explanations))
    return SUCCESS if explanations.matching else FAILURE


def explanation_records(explanations: Explanations[type[MessageSubscriber]]) -> list[Record]:
    """Return one record per subscriber: its name, whether it matches, and the findings."""
    return [
        {
            'subscriber': subscriber.__name__,
            'matches': explanation.matches,
            'findings': [str(finding) for finding in explanation.findings],
        }
        for subscriber, explanation in explanations
    ]
