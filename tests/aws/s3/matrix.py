"""The libraries, and whether each reads the offloaded messages of each other.

    test_interoperability.py tests it, and docs/large-payloads.md shows it.

    python -m tests.aws.s3.matrix

writes the table of the document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

__all__ = (
    'AMAZON_SNS',
    'AMAZON_SQS',
    'CELLS',
    'DOCUMENT',
    'EXT_CLIENT',
    'JAVA',
    'MEGA',
    'WRITERS',
    'Cell',
    'Instead',
    'Reader',
    'Route',
    'Writer',
    'documented',
    'section',
)

DOCUMENT = Path(__file__).parents[3] / 'docs' / 'large-payloads.md'
BEGIN = '<!-- written by `python -m tests.aws.s3.matrix` -->\n'
END = '<!-- up to here -->\n'

MEGA = 'MEGA'
JAVA = 'Java'
AMAZON_SQS = 'amazon-sqs-extended-client'
AMAZON_SNS = 'amazon-sns-extended-client'
EXT_CLIENT = 'aws-sqs-ext-client'

POINTER_CLASS = 'software.amazon.payloadoffloading.PayloadS3Pointer'
LEGACY_CLASS = 'com.amazon.sqs.javamessaging.MessageS3Pointer'
SIZE_ATTRIBUTE = 'ExtendedPayloadSize'
LEGACY_SIZE_ATTRIBUTE = 'SQSLargePayloadSize'


class Route(Enum):
    """A route to a queue. The values are the names in the table."""

    SQS = 'SQS'
    RAW = 'SNS raw'
    WRAPPED = 'SNS wrapped'


@dataclass(frozen=True, slots=True)
class Writer:
    """A library that offloads a body, and the form of its pointer.

    `pointer_class` is the first of two members of a list; None if the pointer is an object.
    """

    name: str
    setting: str = ''
    routes: tuple[Route, ...] = tuple(Route)
    pointer_class: str | None = POINTER_CLASS
    attribute: str = SIZE_ATTRIBUTE
    is_legacy: bool = False

    @property
    def title(self) -> str:
        return _title(self.name, self.setting)

    def __str__(self) -> str:
        return self.title.replace('`', '')


class Instead(Enum):
    """The value that a reader returns if it does not find the body."""

    ENVELOPE = 'the envelope that SNS put around the pointer'
    POINTER = 'the pointer'
    ERROR = 'an error'


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that a reader cannot read, the reason, and the result."""

    concerns: Callable[[Writer, Route], bool]
    reason: str
    instead: Instead


@dataclass(frozen=True, slots=True)
class Reader:
    name: str
    setting: str = ''
    gaps: tuple[Gap, ...] = ()
    attribute_names: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return _title(self.name, self.setting)

    def __str__(self) -> str:
        return self.title.replace('`', '')

    def gap(self, writer: Writer, route: Route) -> Gap | None:
        """Return the first reason why it cannot read a message of this writer and route."""
        return next((gap for gap in self.gaps if gap.concerns(writer, route)), None)


class Cell(NamedTuple):
    """One claim: a reader reads the messages of a writer on a route, or has a gap."""

    writer: Writer
    route: Route
    reader: Reader

    @property
    def gap(self) -> Gap | None:
        return self.reader.gap(self.writer, self.route)

    def __str__(self) -> str:
        return f'{self.writer}, {self.route.value}, {self.reader}'


TOPIC = (Route.RAW, Route.WRAPPED)

WRITERS = (
    Writer(MEGA),
    Writer(MEGA, '`legacy_attribute`', tuple(Route), LEGACY_CLASS, LEGACY_SIZE_ATTRIBUTE, True),
    Writer(AMAZON_SQS, '', (Route.SQS,)),
    Writer(
        AMAZON_SQS,
        '`use_legacy_attribute`',
        (Route.SQS,),
        LEGACY_CLASS,
        LEGACY_SIZE_ATTRIBUTE,
        True,
    ),
    Writer(AMAZON_SNS, '', TOPIC),
    Writer(AMAZON_SNS, '`use_legacy_attribute`', TOPIC, LEGACY_CLASS, LEGACY_SIZE_ATTRIBUTE, True),
    Writer(EXT_CLIENT, '', (Route.SQS,), None),
    # Java does not run here: the tests write its form, without spaces.
    Writer(JAVA, 'by default', tuple(Route), POINTER_CLASS, LEGACY_SIZE_ATTRIBUTE),
    Writer(JAVA, 'without the legacy name'),
    Writer(JAVA, '1.0', tuple(Route), LEGACY_CLASS, LEGACY_SIZE_ATTRIBUTE),
)

WRAPPED = Gap(
    lambda writer, route: route is Route.WRAPPED,
    "does not unwrap SNS's envelope, and returns the envelope as the body",
    Instead.ENVELOPE,
)
FLAT = Gap(
    lambda writer, route: writer.pointer_class is None,
    f'refuses the pointer of `{EXT_CLIENT}`, which is an object, not a list',
    Instead.ERROR,
)
ONE_NAME = Gap(
    lambda writer, route: writer.attribute == LEGACY_SIZE_ATTRIBUTE,
    f'requests only the attribute `{SIZE_ATTRIBUTE}` from SQS, and returns the pointer as the body',
    Instead.POINTER,
)
NO_LEGACY = Gap(
    lambda writer, route: writer.attribute == LEGACY_SIZE_ATTRIBUTE,
    f'does not know the attribute `{LEGACY_SIZE_ATTRIBUTE}`, and returns the pointer as the body',
    Instead.POINTER,
)

READERS = (
    Reader(MEGA),
    Reader(AMAZON_SQS, '', (WRAPPED, FLAT, ONE_NAME)),
    Reader(AMAZON_SQS, "`MessageAttributeNames=['All']`", (WRAPPED, FLAT), ('All',)),
    # All attributes are requested, so that a missing one is not the reason.
    Reader(EXT_CLIENT, '', (WRAPPED, NO_LEGACY), ('All',)),
)

CELLS = tuple(
    Cell(writer, route, reader)
    for writer in WRITERS
    for route in writer.routes
    for reader in READERS
)


def _title(name: str, setting: str) -> str:
    name = name if name in (MEGA, JAVA) else f'`{name}`'
    return f'{name}, {setting}' if setting else name


def table() -> Iterator[str]:
    """The lines of the matrix, and the reasons below it."""
    reasons = list(dict.fromkeys(gap.reason for reader in READERS for gap in reader.gaps))

    def cell(writer: Writer, reader: Reader) -> str:
        parts: list[str] = []
        for gap, routes in groupby(writer.routes, partial(reader.gap, writer)):
            names = [route.value for route in routes]
            if gap is None:
                parts.append(', '.join(names))
            else:
                negation = 'neither' if len(names) > 1 else 'not'
                number = reasons.index(gap.reason) + 1
                parts.append(f'{negation} {" nor ".join(names)} ({number})')
        return ', '.join(parts)

    yield f'| written by | {" | ".join(f"read by {reader.title}" for reader in READERS)} |'
    yield '|---' * (1 + len(READERS)) + '|'
    for writer in WRITERS:
        cells = ' | '.join(cell(writer, reader) for reader in READERS)
        yield f'| {writer.title} | {cells} |'
    yield ''
    for number, reason in enumerate(reasons, start=1):
        yield f'{number}. {reason[0].upper()}{reason[1:]}.'


def section() -> str:
    """The section between the markers of the document."""
    return f'{BEGIN}\n' + '\n'.join(table()) + f'\n\n{END}'


def documented(text: str) -> tuple[str, str, str]:
    """A document in three parts: before the section, the section, and after it."""
    before, _, rest = text.partition(BEGIN)
    inside, _, after = rest.partition(END)
    return before, f'{BEGIN}{inside}{END}', after


if __name__ == '__main__':
    before, _, after = documented(DOCUMENT.read_text(encoding='utf-8'))
    DOCUMENT.write_text(before + section() + after, encoding='utf-8')
