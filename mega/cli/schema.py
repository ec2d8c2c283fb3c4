"""`mega schema`: the AsyncAPI document of a listener, or the JSON Schema of its typed payloads."""

from __future__ import annotations

from typing import Any

import click

from mega.cli.exit_status import CommandError
from mega.cli.options import app_dir_option, aws_options, output_options
from mega.cli.output import Output, Record, json_text
from mega.cli.target import load_class, load_listener
from mega.errors import ConfigurationError, safe_repr
from mega.schema import to_asyncapi, to_json_schema
from mega.schema.class_schemas import unique_name

__all__ = ('command',)


@click.command('schema')
@click.argument('target')
@click.option(
    '--publishes',
    metavar='DEST=CLASS',
    multiple=True,
    help='A class whose objects the service publishes, such as module:Order, after the URL of the '
    'queue or the ARN of the topic. Repeatable.',
)
@click.option('--title', metavar='TEXT', help='The title of the service. Default: its queue.')
@click.option('--api-version', metavar='TEXT', help='The version of the service. Default: 1.0.0.')
@click.option(
    '--format',
    'form',
    type=click.Choice(['asyncapi', 'json-schema']),
    default='asyncapi',
    show_default=True,
    help='json-schema: the schema of the payloads of each typed subscriber, by its name.',
)
@app_dir_option
@aws_options
@output_options
def command(
    target: str,
    publishes: tuple[str, ...],
    title: str | None,
    api_version: str | None,
    form: str,
    app_dir: str,
    output: Output,
) -> None:
    """Print the AsyncAPI document of the listener TARGET, as JSON, which is also YAML.

    It has the queue, the subscribers with their patterns, and the schemas of their payloads.
    """
    if form == 'json-schema' and (publishes or title or api_version):
        raise click.UsageError('--publishes, --title and --api-version are for AsyncAPI')
    listener = load_listener(target, app_dir)
    if form == 'json-schema':
        typed = [each for each in listener.subscribers if each.payload_conversion is not None]
        if not typed:
            raise CommandError(f'no subscriber of {target!r} has a type parameter')
        schemas: dict[str, Any] = {}
        for each in typed:
            schemas[unique_name(each.__name__, schemas)] = to_json_schema(each)
        output.one(schemas, _render)
        return
    document = to_asyncapi(
        listener,
        publishes=_published_classes(publishes, app_dir),
        title=title,
        version=api_version or '1.0.0',
    )
    output.one(document, _render)


def _published_classes(publishes: tuple[str, ...], app_dir: str) -> dict[str, list[type]]:
    """Return the published classes by their destination."""
    classes: dict[str, list[type]] = {}
    for each in publishes:
        destination, _, target = each.rpartition('=')
        if not (destination and target):
            problem = 'must be DEST=CLASS, such as arn:aws:sns:...:orders=shop.events:Order'
            raise ConfigurationError(f'--publishes {safe_repr(each)} {problem}')
        classes.setdefault(destination, []).append(load_class(target, app_dir))
    return classes


def _render(record: Record) -> str:
    return json_text(record, indent=2)
