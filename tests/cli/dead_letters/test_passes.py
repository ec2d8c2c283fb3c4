"""The summary of a pass."""

from __future__ import annotations

from mega.cli.dead_letters.letters import read_letter
from mega.cli.dead_letters.passes import KEPT, MAX_LINES, PLANNED, Tally, letter_record

LETTER = read_letter({'MessageId': 'm', 'ReceiptHandle': 'r', 'Body': 'b'})


def test_a_summary_has_a_line_for_each_destination_and_problem() -> None:
    tally = Tally()
    planned = [letter_record(LETTER, PLANNED, destination='orders') for _ in range(2)]
    kept = letter_record(LETTER, PLANNED, 'too\nlarge')
    assert len([*tally.count([planned, [kept]])]) == 3
    assert tally.lines() == ['2 messages to orders', '1 message kept: too large']
    assert (dict(tally.statuses), tally.exit_code) == ({PLANNED: 2, KEPT: 1}, 1)


def test_a_summary_of_many_problems_is_short() -> None:
    tally = Tally()
    for number in range(MAX_LINES + 5):
        list(tally.count([[letter_record(LETTER, PLANNED, f'problem {number}')]]))
    assert len(tally.lines()) == MAX_LINES + 1
    assert tally.lines()[-1] == 'and 5 other destinations and problems'


def test_all_records_that_belong_together_are_counted_before_one_is_shown() -> None:
    tally = Tally()
    next(tally.count([[letter_record(LETTER, 'dropped')] * 10]))
    assert tally.statuses['dropped'] == 10
