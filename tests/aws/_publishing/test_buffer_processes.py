"""The buffer when its process ends or forks, and in callbacks of its futures."""

from __future__ import annotations

import json

import pytest

from mega.local import FailEntries, Server
from tests.aws.forking import run_lines


def numbers(server: Server) -> list[int]:
    return [json.loads(each.body)['n'] for each in server.accepted()]


def test_a_callback_of_a_future_may_flush(server: Server) -> None:
    """A callback of a future runs in the sending thread, which must not wait for itself.

    The test runs in another process, which can be ended if it hangs.
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
def test_the_end_of_the_interpreter_sends_the_payloads_that_wait(end: str, server: Server) -> None:
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


def test_the_end_of_the_interpreter_waits_for_retries(server: Server) -> None:
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


def test_a_forked_process_cannot_use_the_buffer_of_its_parent(server: Server) -> None:
    """The child has no sending thread. The parent sends the payloads that wait."""
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


def test_a_forked_process_is_refused_even_if_a_thread_held_the_lock(server: Server) -> None:
    """A lock that a thread holds at the fork is never released in the child."""
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
