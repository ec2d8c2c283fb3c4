"""The laws of publishing lines: a user who continues as told loses no line, and repeats none."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given
from hypothesis import strategies as st

from mega.aws._hooks.publishing import PublishResult
from mega.cli.line_files import create_line_file
from mega.cli.progress import Progress
from mega.cli.publish.bulk import Bulk, IncompleteError
from mega.cli.publish.lines import chunks_of, read_lines
from mega.codec import WirePayload
from mega.errors import TransportError

GOOD, REFUSED, INVALID = b'"good"\n', b'"refused"\n', b'{\n'

files = st.lists(st.sampled_from([GOOD, REFUSED, INVALID, b'\n']), min_size=4, max_size=12)
sizes = st.integers(1, 5)


def publish(payloads: list[WirePayload]) -> list[PublishResult]:
    """Accept the good payloads, and refuse the others."""
    refused = TransportError('SendMessage', 'Refused', 'no', retriable=False)
    return [
        PublishResult('id') if each == 'good' else PublishResult(error=refused) for each in payloads
    ]


def numbers_in(ranges: str) -> set[int]:
    """Read `3, 5-7`."""
    ends = [[int(end) for end in part.split('-')] for part in ranges.split(', ')]
    return {number for end in ends for number in range(end[0], end[-1] + 1)}


def numbers_of(lines: list[bytes], *kinds: bytes) -> set[int]:
    return {number for number, line in enumerate(lines, 1) if line in kinds}


@given(files, sizes)
@example([GOOD, REFUSED, GOOD, GOOD, GOOD], 3)
@example([GOOD, GOOD, REFUSED, GOOD], 2)
def test_the_error_names_each_line_that_is_not_sent_before_the_line_to_continue_from(
    lines: list[bytes], size: int
) -> None:
    sent: list[int] = []
    bulk = Bulk('stdin', publish)
    next_line, skipped = len(lines) + 1, set()
    try:
        for record in bulk.records(chunks_of(read_lines(lines), size), Progress()):
            sent.append(record['line'])
    except IncompleteError as error:
        found = re.search(r'continue from line (\d+)(?:; not sent before it: (.*))?$', str(error))
        assert found is not None
        next_line = int(found[1])
        skipped = numbers_in(found[2]) if found[2] else set()
    else:
        assert not numbers_of(lines, REFUSED, INVALID)
    assert sent == sorted(set(sent))
    before = {number for number in numbers_of(lines, GOOD, REFUSED, INVALID) if number < next_line}
    assert {*sent} | skipped == before
    assert not {*sent} & skipped
    assert skipped <= numbers_of(lines, REFUSED, INVALID)


@given(files, sizes)
@example([INVALID, INVALID, REFUSED, REFUSED, GOOD], 2)
@example([GOOD, INVALID, REFUSED, GOOD, REFUSED, REFUSED, GOOD], 2)
def test_a_line_is_sent_or_in_the_file_or_not_before_the_line_to_continue_from(
    lines: list[bytes], size: int
) -> None:
    sent: list[int] = []
    next_line = len(lines) + 1
    with TemporaryDirectory() as directory:
        path = Path(directory, 'failed')
        with create_line_file(path, 'the failures') as file:
            bulk = Bulk('stdin', publish, file)
            try:
                for record in bulk.records(chunks_of(read_lines(lines), size), Progress()):
                    sent.append(record['line'])
            except IncompleteError as error:
                [next_text] = re.findall(r'continue from line (\d+)$', str(error))
                next_line = int(next_text)
        written = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    before = lines[: next_line - 1]
    assert sent == sorted(numbers_of(before, GOOD))
    assert written == [line for line in before if line in (REFUSED, INVALID)]
