from __future__ import annotations

from collections.abc import Generator
from threading import Event, Thread
from types import coroutine

from mega.cli.listen.stacks import stacks


@coroutine
def suspend() -> Generator[None, None, None]:
    yield


async def wait_for_the_payment() -> None:
    await suspend()


async def process_order() -> None:
    await wait_for_the_payment()


def test_each_thread_is_shown_with_its_name() -> None:
    begun, end = Event(), Event()

    def wait_for_the_end() -> None:
        begun.set()
        end.wait()

    thread = Thread(target=wait_for_the_end, name='orders')
    thread.start()
    begun.wait()
    shown = stacks()
    end.set()
    thread.join()
    _, _, of_thread = shown.partition('thread orders:\n')
    assert 'in wait_for_the_end' in of_thread
    assert 'test_each_thread_is_shown' not in shown  # the calling thread


def test_a_suspended_coroutine_is_shown_with_the_coroutines_that_it_awaits() -> None:
    order = process_order()
    order.send(None)
    shown = stacks()
    order.close()
    assert shown.count('coroutine process_order:') == 1
    assert 'in process_order' in shown
    assert 'in wait_for_the_payment' in shown
    assert 'coroutine wait_for_the_payment:' not in shown
