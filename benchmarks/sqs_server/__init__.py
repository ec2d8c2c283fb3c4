"""SQS and SNS in memory, on loopback, for the tests and benchmarks of publishers and listeners.

The server is fast, so that a benchmark measures the client. With `rules`, it refuses what AWS
refuses. It fails as AWS fails, by the seed of a random generator or step by step. From Python:

    with running(rules=True) as server:
        queue_url = server.create_queue('orders')
        SqsPublisher(queue_url, **server.credentials).publish(payload)
        [accepted] = server.accepted()

From a shell: `python -m benchmarks.sqs_server --help`. The first line of output is the URL.

    client.py       starts the server in its own process, and controls it
    transport.py    HTTP/1.1 on asyncio
    application.py  dispatches a request to an operation, and applies faults
    control.py      the server's own operations for tests
    sqs.py, sns.py  the operations, in AWS's JSON and Query protocols
    clock.py        the server's time, which tests advance
    queues.py, fifo.py, polling.py  the messages of a queue, their order, and long polls
    rules.py, sqs_rules.py, sns_rules.py  the validation of AWS, as pure functions
    faults.py       injected faults
    messages.py     sent and stored messages; errors.py, AWS's errors

The server differs from AWS: topics deliver nothing, messages never expire, one account owns all
resources, and any credentials are accepted.
"""

from benchmarks.sqs_server.client import Accepted, Counts, Server, running
from benchmarks.sqs_server.faults import FailEntries, Fault, Faults

__all__ = (
    'Accepted',
    'Counts',
    'FailEntries',
    'Fault',
    'Faults',
    'Server',
    'running',
)
