"""The buffer where its process ends, forks, or calls back."""

from __future__ import annotations

import json

import pytest

from benchmarks.sqs_server import FailEntries, Server
from tests.aws.forking import run_lines


def numbers(server: Server) -> list[int]:
    return [json.loads(each.body)['n'] for each in server.accepted()]


def test_who_is_told_by_a_future_may_flush(server: Server) -> None:
    """The callback of a future runs where the buffer sends: who waits there must not be waited for.

    In a process of its own, which can be ended where it hangs.
    """
    run_lines(
        """
        flushed = threading.Event()

        def flush(future):
            buffer.flush()
            flushed.set()

        buffer = publisher.buffer(max_messages=2, max_seconds=60)
        buffer.publish({'n': 0}).add_done_callback(flush)
        buffer.publish({'n': 1})
        os._exit(0 if flushed.wait(3) else 1)
        """,
        server,
        server.create_queue('orders'),
    )


@pytest.mark.parametrize('end', ['', 'sys.exit(0)'], ids=['the last line', 'exit'])
def test_the_end_of_the_interpreter_sends_what_waits(end: str, server: Server) -> None:
    run_lines(
        f"""
        buffer = publisher.buffer(max_messages=1000, max_seconds=60)
        for n in range(25):
            buffer.publish({{'n': n}})
        {end}
        """,
        server,
        server.create_queue('orders'),
    )
    assert numbers(server) == list(range(25))


def test_the_end_of_the_interpreter_waits_for_what_is_sent_again(server: Server) -> None:
    server.script(FailEntries((0, 1)), FailEntries((0,)))
    run_lines(
        """
        buffer = publisher.buffer(max_messages=1000, max_seconds=60)
        for n in range(3):
            buffer.publish({'n': n})
        """,
        server,
        server.create_queue('orders'),
    )
    assert sorted(numbers(server)) == [0, 1, 2]


def test_a_forked_process_may_not_use_the_buffer_of_its_parent(server: Server) -> None:
    """Its thread is not there: nobody would send. What waits is the parent's to send."""
    run_lines(
        """
        buffer = publisher.buffer(max_messages=1000, max_seconds=60)
        future = buffer.publish({'n': 0})

        def use():
            try:
                buffer.publish({'n': 1})
            except ConfigurationError as error:
                assert 'fork' in str(error)
            else:
                raise AssertionError('it took a payload')
            buffer.flush()
            buffer.close()
            with publisher.buffer() as own:
                assert own.publish({'n': 2}).result(10)

        wait_for(in_child(use))
        assert not future.done()
        buffer.close()
        assert future.result(10)
        """,
        server,
        server.create_queue('orders'),
    )
    assert numbers(server) == [2, 0]


def test_a_forked_process_is_refused_whatever_a_thread_did_at_the_fork(server: Server) -> None:
    """A lock that a thread holds at the fork is held in the child for ever."""
    run_lines(
        """
        import signal
        buffer = publisher.buffer()
        is_held, may_end = threading.Event(), threading.Event()

        def hold():
            with buffer._changed:
                is_held.set()
                may_end.wait()

        def use():
            signal.alarm(5)
            try:
                buffer.publish({'n': 1})
            except ConfigurationError:
                return
            raise AssertionError('it took a payload')

        threading.Thread(target=hold).start()
        is_held.wait()
        child = in_child(use)
        may_end.set()
        wait_for(child)
        """,
        server,
        server.create_queue('orders'),
    )
