"""Publishing in a thread that outlives the main thread, when Python may start no more threads."""

from __future__ import annotations

import threading
from textwrap import dedent
from typing import Any

import pytest

from mega.aws.sqs import SqsPublisher
from mega.errors import ConfigurationError
from mega.local import Server
from tests.fork_server import run
from tests.programs import environment


def test_a_publisher_may_be_created_and_used_after_the_end_of_the_main_thread(
    server: Server,
) -> None:
    lines = """
        import sys, threading
        from mega.aws.sqs import SqsPublisher

        def publish():
            threading.main_thread().join()
            with SqsPublisher(sys.argv[1]) as publisher:
                results = publisher.publish_batch([{'n': n} for n in range(25)], concurrency=3)
            print(len(results))

        threading.Thread(target=publish).start()
    """
    queue_url, keys = server.create_queue('orders'), server.credentials
    variables = environment(
        AWS_DEFAULT_REGION=keys['region_name'],
        AWS_ENDPOINT_URL=server.endpoint_url,
        AWS_ACCESS_KEY_ID=keys['aws_access_key_id'],
        AWS_SECRET_ACCESS_KEY=keys['aws_secret_access_key'],
    )
    done = run(['-c', dedent(lines), queue_url], variables, timeout=30)
    assert (done.stdout.strip(), done.stderr) == ('25', '')


@pytest.fixture
def late_publisher(server: Server, monkeypatch: pytest.MonkeyPatch) -> SqsPublisher:
    """A publisher in an interpreter that is ending, so that no thread can be started."""
    settings: Any = server.credentials
    publisher = SqsPublisher(server.create_queue('orders'), **settings)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, 'start', refuse)
    return publisher


def test_without_threads_the_calling_thread_sends_a_batch(
    server: Server, late_publisher: SqsPublisher
) -> None:
    late_publisher.publish_batch([{'n': n} for n in range(25)], concurrency=3)
    assert len(server.accepted()) == 25


def test_without_threads_a_buffer_says_what_to_use_instead(late_publisher: SqsPublisher) -> None:
    with pytest.raises(ConfigurationError, match=r'a buffer needs a thread .*use publish_batch'):
        late_publisher.buffer()
