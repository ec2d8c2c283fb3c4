"""Stores when a process ends or forks. Each runs in another process, with S3 in this one."""

from __future__ import annotations

import json
import sys

import pytest

from mega.aws.s3.pointer import write_pointer
from mega.local import Server
from tests.aws._publishing.batches import Clients
from tests.aws.answers import Answer, s3_object
from tests.aws.fault_server import FaultServer
from tests.aws.forking import run_lines
from tests.aws.s3.making import POINTER_TO_OURS

STORE = """
from mega.aws.s3 import Pointer, S3PayloadStore
from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener
store = S3PayloadStore('bodies', always=True, endpoint_url={url!r})
publisher = SqsPublisher(url, payload_store=store)
"""


def run(lines: str, server: Server, s3: FaultServer, queue_url: str) -> str:
    return run_lines(STORE.format(url=s3.url) + lines, server, queue_url)


@pytest.mark.parametrize('end', ['', 'sys.exit(0)'], ids=['the last line', 'exit'])
def test_the_end_of_the_interpreter_uploads_and_sends_the_payloads_of_a_buffer(
    end: str, server: Server, faults: FaultServer
) -> None:
    """No thread can be started at that point."""
    faults.will(Answer())
    lines = f"""
buffer = publisher.buffer(max_messages=1000, max_seconds=60)
for n in range(25):
    buffer.publish({{'n': n}})
{end}
"""
    run(lines, server, faults, server.create_queue('orders'))
    put = {each.path.rpartition('/')[2]: json.loads(each.body)['n'] for each in faults.requests}
    keys = [json.loads(each.body)[1]['s3Key'] for each in server.accepted()]
    assert [put[key] for key in keys] == list(range(25))


def test_a_store_works_on_both_sides_of_a_fork(server: Server, faults: FaultServer) -> None:
    """The parent opened a connection before the fork."""
    faults.will(Answer(), GetObject=[s3_object(b'ok')])
    lines = """
def use():
    assert store.fetch(Pointer('bodies', 'k')).body == 'ok'
    publisher.publish('a')
    publisher.publish_batch(['b', 'c'])

use()
wait_for(in_child(use))
use()
"""
    run(lines, server, faults, server.create_queue('orders'))
    operations = [each.operation for each in faults.requests]
    assert operations.count('GetObject') == 3
    assert operations.count('PutObject') == 9
    assert len(server.accepted()) == 9


@pytest.mark.skipif(
    (3, 12) <= sys.version_info < (3, 12, 3),
    reason='this Python starts no thread after the last line of a program (gh-113964)',
)
def test_a_listener_in_a_thread_continues_after_the_last_line_of_the_program(
    server: Server, clients: Clients, faults: FaultServer
) -> None:
    """As without a store: Python waits for the thread of the listener."""
    faults.will(Answer(204), GetObject=[s3_object(b'ok', mega_queue_url='any')])
    queue_url = server.create_queue('orders')
    body, attributes = write_pointer(POINTER_TO_OURS)
    for _ in range(3):
        clients['sqs'].send_message(
            QueueUrl=queue_url, MessageBody=body, MessageAttributes=attributes
        )
    lines = """
seen = []

class Print(MessageSubscriber):
    def process(self, payload):
        print(payload, flush=True)
        seen.append(payload)
        if len(seen) == 3:
            listener.stop()

listener = SqsListener(url, [Print], payload_store=store, max_number_of_messages=10)

def listen():
    threading.main_thread().join()
    listener.listen()

threading.Thread(target=listen).start()
"""
    assert run(lines, server, faults, queue_url).split() == ['ok'] * 3
