"""Messages around every limit of SQS and SNS, and the expected result of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from mega.local import Server
from tests.local_aws import Service

__all__ = (
    'FIFO',
    'KB',
    'LARGE',
    'MB',
    'NOT_TAKEN',
    'OLD',
    'ROWS',
    'SERVICES',
    'SMALL',
    'TAKEN',
    'TOO_LARGE',
    'Row',
    'binary',
    'bytes_of',
    'of_size',
    'string',
)

KB = 1_024
MB = 1_048_576
OLD = 262_144  # the former limit of queues and topics, and still the default of topics

Destination = Callable[[Server, Service], str]
SERVICES: tuple[Service, ...] = ('sqs', 'sns')


def of_size(limit: int, fifo: bool = False, **more: Any) -> Destination:
    """A destination that accepts messages of up to `size` bytes."""

    def make(server: Server, service: Service) -> str:
        create = server.create_queue if service == 'sqs' else server.create_topic
        return create(f'of-{limit}', fifo=fifo, MaximumMessageSize=limit, **more)

    return make


FIFO = of_size(MB, fifo=True, ContentBasedDeduplication=True)
SMALL = of_size(KB)
LARGE = of_size(MB)


@dataclass(frozen=True)
class Row:
    """A raw message, and the path in its expected error; None if it must be accepted."""

    body: str = 'hej'
    refused_at: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    destination: Destination = SMALL
    services: tuple[Service, ...] = SERVICES


def string(value: str, kind: str = 'String') -> dict[str, str]:
    return {'DataType': kind, 'StringValue': value}


def binary(value: bytes, kind: str = 'Binary') -> dict[str, Any]:
    return {'DataType': kind, 'BinaryValue': value}


def named(name: str, refused: bool = False) -> Row:
    path = f'message_attributes.{name}' if refused else None
    return Row('hej', path, {name: string('a')}, destination=LARGE)


def valued(attribute: dict[str, Any], refused: bool = False) -> Row:
    path = 'message_attributes.a' if refused else None
    return Row('hej', path, {'a': attribute}, destination=LARGE)


def optional(refused: bool = False, destination: Destination = LARGE, **options: Any) -> Row:
    [name] = [name for name in options if name != 'message_group_id'] or ['message_group_id']
    path = name if refused else None
    is_of_one = {'subject': ('sns',), 'delay_seconds': ('sqs',)}
    services: Any = is_of_one.get(name, SERVICES)
    return Row('hej', path, options=options, destination=destination, services=services)


def around(limit: int, row: Callable[[int], Row], name: str) -> dict[str, Row]:
    """The rows one below a limit, at the limit, and one above it, which is refused."""
    return {
        f'{name} below': row(limit - 1),
        f'{name} at': row(limit),
        f'{name} above': replace(row(limit + 1), refused_at=TOO_LARGE),
    }


TOO_LARGE = 'too large'


def bytes_of(size: int, character: str = 'a') -> str:
    """A text of `size` bytes, made of one character as far as possible."""
    count, rest = divmod(size, len(character.encode()))
    return character * count + 'a' * rest


def with_attributes(size: int) -> Row:
    """A message of `size` bytes, some of them in attributes: names, types and values count."""
    attributes = {'text': string('é'), 'blob': binary(b'\xff\x00'), 'n': string('5', 'Number.x')}
    spent = (4 + 6 + 2) + (4 + 6 + 2) + (1 + 8 + 1)
    return Row(bytes_of(size - spent, '漢'), attributes=attributes)


def in_one_attribute(size: int) -> Row:
    return Row('b', attributes={'a': string(bytes_of(size - 1 - 1 - 6, '\U0001f600'))})


SIZES = {
    **around(KB, lambda size: Row(bytes_of(size)), 'ascii'),
    **around(KB, lambda size: Row(bytes_of(size, 'é')), '2 bytes'),
    **around(KB, lambda size: Row(bytes_of(size, '漢')), '3 bytes'),
    **around(KB, lambda size: Row(bytes_of(size, '\U0001f600')), '4 bytes'),
    **around(KB, with_attributes, 'with attributes'),
    **around(KB, in_one_attribute, 'in an attribute'),
    **around(5_000, lambda n: Row(bytes_of(n, '漢'), destination=of_size(5_000)), 'of 5,000'),
    **around(OLD, lambda n: Row(bytes_of(n, 'é'), destination=of_size(OLD)), 'of 256 KiB'),
    **around(MB, lambda n: Row(bytes_of(n, 'é'), destination=LARGE, services=('sqs',)), 'of 1 MiB'),
}

TAKEN = '\t\n\r \x7f\x80\x9f\ud7ff\ue000\ufdd0\ufffd\U00010000\U0010ffff\u2028"\\&<'
NOT_TAKEN = '\x00\x01\x08\x0b\x0c\x0e\x1f\ufffe\uffff'

CHARACTERS = {
    **{f'body U+{ord(c):04X}': Row(f'a{c}b') for c in TAKEN},
    **{f'body U+{ord(c):04X}': Row(f'a{c}b', '') for c in NOT_TAKEN},
    **{f'value U+{ord(c):04X}': valued(string(f'a{c}b')) for c in TAKEN},
    **{f'value U+{ord(c):04X}': valued(string(f'a{c}b'), True) for c in NOT_TAKEN},
    'any bytes': valued(binary(bytes(range(256)))),
    'no body': Row('', ''),
    'a body of a space': Row(' '),
}

NAMES = {
    'one': named('a'),
    'every kind': named('AZaz09_-.x'),
    '255': named('n' * 255),
    '256': named('n' * 256),
    '257': named('n' * 257, True),
    'none': named('', True),
    'space': named('a b', True),
    'line break': named('a\n', True),
    'slash': named('a/b', True),
    'e with accent': named('é', True),
    'long s': named('ſ', True),  # equals "s" in a pattern that ignores case
    'sign of kelvin': named('\u212a', True),
    'dotless i': named('ı', True),
    'dot first': named('.a', True),
    'dot last': named('a.', True),
    'dots within': named('a.b.c'),
    'two dots': named('a..b', True),
    'dot alone': named('.', True),
    'aws.': named('aws.a', True),
    'AWS.': named('AWS.a', True),
    'aWs.': named('aWs.a', True),
    'amazon.': named('amazon.a', True),
    'Amazon.': named('Amazon.a', True),
    'aws alone': named('aws'),
    'awsa.': named('awsa.b'),
    'aws. within': named('my.aws.b'),
}

VALUES = {
    'empty text': valued(string(''), True),
    'empty bytes': valued(binary(b''), True),
    'no value': valued({'DataType': 'String'}, True),
    'text as Binary': valued(string('a', 'Binary'), True),
    'bytes as String': valued(binary(b'a', 'String'), True),
    'bytes as Number': valued(binary(b'5', 'Number'), True),
    'label': valued(string('a', 'String.Array')),
    'label of Binary': valued(binary(b'a', 'Binary.png')),
    'labels': valued(string('5', 'Number.int.5')),
    'both values': valued({**string('a'), 'BinaryValue': b'b'}, True),
    'no type': valued(string('a', ''), True),
    'type in lower case': valued(string('a', 'string'), True),
    'type of another name': valued(string('a', 'Strings'), True),
    'type of one more line': valued(string('a', 'String\n'), True),
    **{
        f'number {text}': valued(string(text, 'Number'))
        for text in ('0', '-5', '+5', '1.50', '.5', '5.', '1e10', '1E-10', '-0')
    },
    **{
        f'number {text!a}': valued(string(text, 'Number'), True)
        for text in ('abc', '', ' 5', '5 ', '5\n', '1,5', '--5', '.', '1e', 'NaN', 'Infinity',
                     '0x10', '1_000', '\u0665', '\uff15', '\u00b2')
    },
}  # fmt: skip

COUNTS = {
    f'{count} attributes': Row(
        attributes={f'a{number}': string('v') for number in range(count)},
        refused_at='message_attributes' if count > 10 else None,
        services=('sqs',),
    )
    for count in (9, 10, 11)
}

DELAYS = {
    **{f'delay {seconds}': optional(delay_seconds=seconds) for seconds in (0, 1, 899, 900)},
    **{f'delay {seconds}': optional(True, delay_seconds=seconds) for seconds in (-1, 901)},
    'a delay for FIFO': optional(True, FIFO, delay_seconds=1, message_group_id='g'),
    'no delay for FIFO': optional(False, FIFO, delay_seconds=0, message_group_id='g'),
}

SUBJECTS = {
    **{f'subject of {size}': optional(subject='s' * size) for size in (1, 98, 99)},
    'subject of 100': optional(True, subject='s' * 100),
    'subject of 99 of 2 bytes': optional(subject='é' * 99),
    'subject of 100 of 2 bytes': optional(True, subject='é' * 100),
    'subject after a space': optional(subject=' a'),
    'subject of punctuation': optional(subject='!"#\\~ a'),
    'empty subject': optional(True, subject=''),
    **{
        f'subject with U+{ord(c):04X}': optional(True, subject=f'a{c}b')
        for c in '\n\r\t\x00\x1f\x7f\x85\u2028\u2029'
    },
    **{f'subject with {c}': optional(subject=f'a{c}b') for c in ('é', '漢', '\U0001f600')},
}

PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'


def ids(name: str, **group: str) -> dict[str, Row]:
    """Rows for a group or deduplication id, on a FIFO destination."""

    def row(value: str, refused: bool = False) -> Row:
        path = name if refused else None
        return Row('hej', path, options={**group, name: value}, destination=FIFO)

    return {
        f'{name} {shown}': made
        for shown, made in {
            'one': row('a'),
            '127': row('i' * 127),
            '128': row('i' * 128),
            '129': row('i' * 129, True),
            'empty': row('', True),
            'punctuation': row(PUNCTUATION),
            'space': row('a b', True),
            'line break': row('a\n', True),
            'delete': row('a\x7f', True),
            'accent': row('é', True),
        }.items()
    }


IDS = {
    **ids('message_group_id'),
    **ids('message_deduplication_id', message_group_id='g'),
    'a group of a standard one': optional(message_group_id='tenant'),
    'a bad group of a standard one': optional(True, message_group_id='a b'),
    'an empty group of a standard one': optional(True, message_group_id=''),
    'no group of FIFO': Row('hej', 'message_group_id', destination=FIFO),
    'deduplication of a standard one': optional(True, message_deduplication_id='once'),
}

ROWS = {**SIZES, **CHARACTERS, **NAMES, **VALUES, **COUNTS, **DELAYS, **SUBJECTS, **IDS}
