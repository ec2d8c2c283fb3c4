"""The program of a peer's process: publish with the peer's library, drain, and report the time.

The program runs in the environment of the peers, and imports nothing of this project. It reads its
task as a line of JSON from standard input, and writes the result as a line of JSON to standard
output. It then continues to delete messages until the parent process ends it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import count, cycle, islice
from typing import Any

WAIT = 1  # seconds, the wait time of a receive


class Work:
    """The task and the clock.

    The clock starts with the last warm-up message, and stops with the last message. The remaining
    deletions are not timed, in the peer's favour.
    """

    def __init__(self, task: Mapping[str, Any]) -> None:
        self.queue_url: str = task['queue_url']
        self.queue_name = self.queue_url.rpartition('/')[2]
        self.credentials: dict[str, str] = task['credentials']
        self.before: int = task['before']
        self.all: int = task['before'] + task['messages']
        self.payloads = list(islice(cycle(task['payloads']), self.all))
        self._numbers = count(1)
        self._begun = self._cpu = 0.0

    def count(self) -> None:
        """Count a processed message. The method is thread-safe."""
        number = next(self._numbers)
        if number == self.before:
            self._cpu, self._begun = time.process_time(), time.perf_counter()
        elif number == self.all:
            seconds = time.perf_counter() - self._begun
            answer = {'seconds': seconds, 'cpu': time.process_time() - self._cpu}
            print(json.dumps(answer), flush=True)


def py_sqs_listener(work: Work, at_once: int) -> None:
    client: Any = import_module('boto3').client('sqs', **work.credentials)
    for payload in work.payloads:
        client.send_message(QueueUrl=work.queue_url, MessageBody=json.dumps(payload))

    class Listener(import_module('sqs_listener').SqsListener):  # type: ignore[misc]
        def _initialize_client(self) -> Any:
            return client  # the original calls ListQueues, which the server does not support

        def handle_message(self, *message: object) -> None:
            work.count()

    credentials = work.credentials
    Listener(
        work.queue_name,
        queue_url=work.queue_url,
        aws_access_key=credentials['aws_access_key_id'],
        aws_secret_key=credentials['aws_secret_access_key'],
        region_name=credentials['region_name'],
        wait_time=WAIT,
        max_number_of_messages=at_once,
        interval=0,
    ).listen()


def dramatiq_sqs(work: Work, threads: int) -> None:
    dramatiq = import_module('dramatiq')
    broker = import_module('dramatiq_sqs').SQSBroker(**work.credentials)
    dramatiq.set_broker(broker)

    @dramatiq.actor(queue_name=work.queue_name)  # type: ignore[untyped-decorator]
    def process(payload: object) -> None:
        work.count()

    for payload in work.payloads:
        process.send(payload)
    dramatiq.Worker(broker, worker_threads=threads).start()
    threading.Event().wait()


def taskiq_aio_sqs(work: Work, at_once: int) -> None:
    run_receiver_task = import_module('taskiq.api').run_receiver_task
    broker = import_module('taskiq_aio_sqs').SQSBroker(
        work.queue_name, wait_time_seconds=WAIT, max_number_of_messages=at_once, **work.credentials
    )

    @broker.task  # type: ignore[untyped-decorator]
    async def process(payload: object) -> None:
        work.count()

    async def run() -> None:
        await broker.startup()
        for payload in work.payloads:
            await process.kiq(payload)
        await run_receiver_task(broker)

    asyncio.run(run())


def celery(work: Work, threads: int) -> None:
    credentials = work.credentials
    scheme, _, place = credentials['endpoint_url'].partition('://')
    app = import_module('celery').Celery(broker=f'sqs://{place}')
    app.conf.update(
        task_default_queue=work.queue_name,
        task_ignore_result=True,
        worker_enable_remote_control=False,
        worker_redirect_stdouts=False,
        broker_transport_options={
            'region': credentials['region_name'],
            'is_secure': scheme == 'https',
            'wait_time_seconds': WAIT,
            'polling_interval': 0,  # by default 1 second, after each full prefetch
            'predefined_queues': {
                work.queue_name: {
                    'url': work.queue_url,
                    'access_key_id': credentials['aws_access_key_id'],
                    'secret_access_key': credentials['aws_secret_access_key'],
                }
            },
        },
    )

    @app.task  # type: ignore[untyped-decorator]
    def process(payload: object) -> None:
        work.count()

    for payload in work.payloads:
        process.delay(payload)
    app.Worker(
        pool='threads',
        concurrency=threads,
        quiet=True,
        loglevel='ERROR',
        without_gossip=True,
        without_heartbeat=True,
        without_mingle=True,
    ).start()


DRAINS: Mapping[str, Callable[[Work, int], None]] = {
    'pySqsListener': py_sqs_listener,
    'dramatiq_sqs': dramatiq_sqs,
    'taskiq-aio-sqs': taskiq_aio_sqs,
    'celery': celery,
}


def main() -> None:
    logging.disable(logging.WARNING)
    task = json.loads(sys.stdin.readline())
    DRAINS[task['peer']](Work(task), task['number'])


if __name__ == '__main__':
    main()
