"""The decisions of the supervisor, with imaginary processes in virtual time."""

from __future__ import annotations

import pytest

from mega.cli.listen.supervisor.commands import Ending, Kill, Start, Stop
from mega.cli.listen.supervisor.places import KILL_MARGIN, NEVER
from tests.cli.listen.supervision import GRACE, Supervision


def running(processes: int, **settings: object) -> Supervision:
    """Return a supervision whose processes 1, 2 ... are ready."""
    supervision = Supervision(processes=processes, **settings)
    supervision.ready(*supervision.processes)
    return supervision


# Start


def test_each_target_gets_its_processes() -> None:
    supervision = Supervision(targets=2, processes=2)
    assert list(supervision.processes) == [1, 2, 3, 4]
    assert supervision.supervisor.wanted == 4


def test_a_process_that_cannot_start_at_first_stops_all_and_its_line_is_the_problem() -> None:
    supervision = Supervision(processes=3)
    supervision.ready(1)
    assert supervision.end(2, 1, "no module named 'shop'") == [Stop(1), Stop(3)]
    supervision.end(1)
    supervision.end(3)
    assert supervision.exit_code == 3
    assert supervision.supervisor.problem == "no module named 'shop'"


def test_a_process_that_was_killed_before_it_was_ready_stops_all() -> None:
    supervision = Supervision()
    supervision.end(1, -9)
    assert supervision.exit_code == 3
    assert supervision.supervisor.problem == 'a process was ended by SIGKILL before it was ready'


def test_a_process_that_crashes_after_its_first_receive_is_started_again() -> None:
    """A message may be the cause. The command does not end because of one message."""
    supervision = Supervision()
    supervision.receive(1)
    assert supervision.end(1, -11) == []
    assert supervision.wait() == [Start(2, 0)]


def test_a_process_whose_first_receive_is_refused_stops_all() -> None:
    supervision = Supervision()
    supervision.receive(1)
    supervision.ended(1, Ending(1, 'ReceiveMessage failed (AccessDenied)', 4))
    assert supervision.exit_code == 4


def test_a_process_that_returns_before_it_was_ready_could_not_start() -> None:
    supervision = Supervision()
    supervision.end(1, 0)
    assert supervision.exit_code == 3


def test_with_reload_a_process_that_cannot_start_waits_for_a_change() -> None:
    supervision = Supervision(waits_for_change=True)
    assert supervision.end(1, 1, 'SyntaxError') == []
    assert supervision.supervisor.next_deadline == NEVER
    assert supervision.told == ['1 failed: SyntaxError. Waiting for a change']
    assert supervision.restart() == [Start(2, 0)]


# Stop


def test_a_stop_ends_with_the_last_process() -> None:
    supervision = running(2)
    assert supervision.stop() == [Stop(1), Stop(2)]
    supervision.end(1)
    assert supervision.exit_code is None
    supervision.end(2)
    assert supervision.exit_code == 0


def test_a_process_is_killed_after_its_grace_period_and_the_exit_code_is_1() -> None:
    supervision = running(1)
    supervision.stop()
    assert supervision.wait() == [Kill(1)]
    assert supervision.now == GRACE + KILL_MARGIN
    assert supervision.supervisor.next_deadline == NEVER
    supervision.end(1, -9)
    assert supervision.exit_code == 1


def test_a_process_that_receives_before_it_reads_the_stop_has_its_grace_period() -> None:
    supervision = Supervision()
    supervision.stop()
    assert supervision.supervisor.next_deadline == KILL_MARGIN
    supervision.ready(1)
    assert supervision.supervisor.next_deadline == GRACE + KILL_MARGIN


def test_a_second_stop_kills_at_once_and_the_exit_code_is_1() -> None:
    supervision = running(2)
    supervision.stop()
    supervision.end(1)
    assert supervision.stop() == [Kill(2)]
    assert supervision.stop() == []
    supervision.end(2, -9)
    assert supervision.exit_code == 1


def test_how_a_process_ends_that_was_never_ready_does_not_matter_to_a_stop() -> None:
    supervision = Supervision(processes=2)
    supervision.end(1, 1, "no module named 'shop'")
    supervision.end(2, 1, "no module named 'shop'")
    assert supervision.told == ['2 has stopped']
    assert supervision.exit_code == 3
    assert supervision.supervisor.problem == "no module named 'shop'"


def test_a_process_that_is_killed_because_its_import_does_not_end_is_a_failure() -> None:
    supervision = Supervision()
    supervision.stop()
    assert supervision.wait() == [Kill(1)]
    supervision.end(1, -9)
    assert supervision.exit_code == 1


def test_a_stop_after_a_failed_start_is_not_a_second_one() -> None:
    supervision = Supervision(processes=2)
    supervision.end(1, 1)
    assert supervision.stop() == []
    supervision.end(2)
    assert supervision.exit_code == 3


def test_during_a_stop_nothing_starts() -> None:
    supervision = running(2)
    supervision.stop()
    assert supervision.restart() == supervision.add() == supervision.remove() == []
    assert supervision.report(1, messages=10**9) == []
    assert supervision.end(1, -11) == []
    assert supervision.told[-1] == '1 was ended by SIGSEGV during its stop'


# Restart after a failure


def test_a_process_that_ends_by_itself_is_started_again_after_a_pause() -> None:
    supervision = running(2)
    assert supervision.end(1, -9) == []
    assert supervision.told[-2:] == ['1 was ended by SIGKILL', 'a new process starts in 0.5 s']
    assert supervision.wait() == [Start(3, 0)]
    assert supervision.now == 0.5


def test_the_pauses_double_while_processes_cannot_start_and_begin_anew_after_success() -> None:
    supervision, pauses = running(1), []
    supervision.end(1, 1)
    for number in range(2, 10):
        begun = supervision.now
        assert supervision.wait() == [Start(number, 0)]
        pauses.append(supervision.now - begun)
        supervision.end(number, 1)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    supervision.wait()
    supervision.ready(10)
    supervision.end(10, 1)
    assert supervision.told[-1] == 'a new process starts in 0.5 s'


def test_too_many_restarts_within_a_minute_stop_all() -> None:
    supervision = running(2, max_restarts=2)
    for number in (2, 3):
        supervision.end(number, 1)
        supervision.wait()
        supervision.ready(number + 1)
    assert supervision.supervisor.restarts == 2
    assert supervision.end(4, 1) == [Stop(1)]
    supervision.end(1)
    assert supervision.exit_code == 1
    assert supervision.supervisor.problem == 'more restarts in 60 s than --max-restarts allows (2)'


def test_restarts_of_earlier_minutes_do_not_count() -> None:
    supervision = running(1, max_restarts=1)
    for number in range(1, 5):
        supervision.end(number, 1)
        assert supervision.wait() == [Start(number + 1, 0)]
        supervision.ready(number + 1)
        supervision.now += 60


def test_with_reload_too_many_restarts_wait_for_a_change() -> None:
    supervision = running(1, max_restarts=0, waits_for_change=True)
    assert supervision.end(1, 1) == []
    assert supervision.supervisor.next_deadline == NEVER
    assert supervision.restart() == [Start(2, 0)]


# Replacement


def test_a_rolling_restart_replaces_one_process_after_another() -> None:
    supervision = running(2)
    assert supervision.restart() == [Start(3, 0)]
    assert supervision.ready(3) == [Stop(1)]
    assert supervision.end(1) == [Start(4, 0)]
    assert supervision.ready(4) == [Stop(2)]
    assert supervision.end(2) == []


def test_if_a_replacement_fails_all_old_processes_remain() -> None:
    supervision = running(2)
    supervision.restart()
    assert supervision.end(3, 1, 'SyntaxError') == []
    assert supervision.told[-1] == '3 failed: SyntaxError. The old process remains'
    assert supervision.supervisor.next_deadline == NEVER
    assert supervision.restart() == [Start(4, 0)]


def test_a_replacement_that_never_becomes_ready_is_abandoned_at_the_next_change() -> None:
    supervision = running(1)
    supervision.restart()
    assert supervision.restart() == [Stop(2)]
    assert supervision.wait() == [Kill(2)]
    assert supervision.end(2, -9) == [Start(3, 0)]
    assert supervision.ready(3) == [Stop(1)]


def test_the_replacement_of_a_process_that_dies_serves_in_its_place() -> None:
    supervision = running(1)
    supervision.restart()
    assert supervision.end(1, -9) == []
    assert supervision.ready(2) == []
    assert supervision.supervisor.restarts == 0


def test_a_process_that_dies_beside_the_old_one_starts_again_when_it_is_due() -> None:
    supervision = running(1)
    supervision.restart()
    assert supervision.ready(2) == [Stop(1)]
    assert supervision.end(2, -9) == []
    assert supervision.wait() == [Start(3, 0)]


def test_a_process_is_replaced_after_its_number_of_messages_with_jitter() -> None:
    supervision = running(2, max_messages=100)
    assert supervision.report(1, messages=109) == []
    assert supervision.report(1, messages=111) == [Start(3, 0)]
    assert supervision.told[-1] == '1 has received 111 messages, and is replaced'
    assert supervision.report(2, messages=111) == []
    assert supervision.ready(3) == [Stop(1)]
    assert supervision.end(1) == [Start(4, 0)]


def test_a_process_is_replaced_when_it_uses_too_much_memory() -> None:
    supervision = running(1, max_bytes=200_000_000)
    assert supervision.report(1, size=200_000_000) == []
    assert supervision.report(1, size=250_000_000) == [Start(2, 0)]
    assert supervision.told[-1] == '1 uses 250 MB of memory, and is replaced'
    assert supervision.report(1, size=260_000_000) == []


def test_a_worn_process_continues_until_its_replacement_starts_at_last() -> None:
    supervision = running(1, max_messages=100)
    supervision.report(1, messages=200)
    assert supervision.end(2, 1) == []
    assert supervision.wait() == [Start(3, 0)]
    assert supervision.now == 0.5
    assert supervision.ready(3) == [Stop(1)]


# More and fewer processes


def test_one_process_more_and_one_less_for_each_target() -> None:
    supervision = running(1, targets=2)
    assert supervision.add() == [Start(3, 0), Start(4, 1)]
    assert supervision.remove() == [Stop(3), Stop(4)]
    assert supervision.told[-1] == 'one process less per target: 2 in total'


def test_the_last_process_remains() -> None:
    supervision = running(1)
    assert supervision.remove() == []
    assert supervision.told[-1] == 'one process per target remains'


def test_an_added_process_that_cannot_start_is_tried_again() -> None:
    supervision = running(1)
    supervision.add()
    assert supervision.end(2, 1) == []
    assert supervision.wait() == [Start(3, 0)]


# Drain


def test_a_drain_ends_when_each_process_has_drained_its_queue() -> None:
    supervision = running(2)
    assert supervision.drained(2) == []
    assert supervision.drained(1) == []
    assert supervision.exit_code == 0


@pytest.mark.parametrize('status', [0, -9])
def test_a_process_that_ends_before_it_has_drained_its_queue_is_started_again(status: int) -> None:
    supervision = running(1)
    supervision.end(1, status)
    assert supervision.wait() == [Start(2, 0)]
    supervision.ready(2)
    supervision.drained(2)
    assert supervision.exit_code == 0


@pytest.mark.parametrize('status', [0, 1, -9])
def test_the_processes_of_a_removed_place_are_not_started_again(status: int) -> None:
    supervision = running(2)
    supervision.remove()
    assert supervision.end(2, status) == []
    assert supervision.supervisor.next_deadline == NEVER
