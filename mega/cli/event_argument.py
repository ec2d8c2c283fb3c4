"""`--event` and `-a`: an event that the user gives in place of PAYLOAD."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import click

from mega.cli.options import Command
from mega.codec import WirePayload
from mega.event import PayloadBuilder

__all__ = ('EventName', 'build_event', 'event_options', 'read_pairs')


class EventName(NamedTuple):
    """The domain and the name of an event."""

    domain: str | None
    name: str


def read_event_name(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> EventName | None:
    """Return the value of `DOMAIN/NAME` or `NAME`: a callback of click.

    Raises:
        click.BadParameter: for an empty domain or name.
    """
    if text is None:
        return None
    *domain, name = text.split('/', 1)
    if not name or domain == ['']:
        raise click.BadParameter(f'{text!r} must be DOMAIN/NAME or NAME')
    return EventName(domain[0] if domain else None, name)


def event_options(help: str) -> Callable[[Command], Command]:
    """Add `--event`, with this help, and `-a`: the arguments `event` and `event_attributes`."""

    def add(command: Command) -> Command:
        command = click.option(
            '-a',
            'event_attributes',
            multiple=True,
            callback=read_pairs,
            metavar='KEY=TEXT',
            help='An attribute of the event. KEY:=JSON is a number, true, a list or another value. '
            'Repeatable.',
        )(command)
        return click.option('--event', callback=read_event_name, metavar='DOMAIN/NAME', help=help)(
            command
        )

    return add


def read_pairs(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, Any]:
    """Return the values of `KEY=TEXT` and `KEY:=JSON` by their keys: a callback of click.

    Raises:
        click.BadParameter: for another form, invalid JSON, or a key that is given twice.
    """
    pairs: dict[str, Any] = {}
    for text in texts:
        key, separator, value = text.partition('=')
        is_json = key.endswith(':')
        key = key.removesuffix(':')
        if not key or not separator:
            raise click.BadParameter(f'{text!r} must be KEY=TEXT or KEY:=JSON')
        if key in pairs:
            raise click.BadParameter(f'{key!r} is given twice')
        pairs[key] = _read_json(key, value) if is_json else value
    return pairs


def _read_json(key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f'{key!r} has invalid JSON: {error}') from error


def build_event(event: EventName, attributes: dict[str, Any]) -> WirePayload:
    """Return an event that happens now.

    Raises:
        EventError: for attributes that break the protocol.
    """
    builder = PayloadBuilder()
    return builder.with_event(**event._asdict(), attributes=attributes).build()
