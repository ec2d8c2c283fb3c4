"""SQS and SNS in memory, on loopback: what publishers and listeners are tested and measured on.

It is fast, so that the client is what a benchmark measures; it refuses what AWS refuses, when told
to; and it fails as AWS fails, by the seed of a random generator or step by step. From Python:

    with running(rules=True) as server:
        queue_url = server.create_queue('orders')
        SqsPublisher(queue_url, **server.credentials).publish(payload)
        [accepted] = server.accepted()

From a shell, which is told the URL on the first line: `python -m benchmarks.sqs_server --help`.

    client.py       starts the server in a process of its own, and talks to it
    transport.py    HTTP/1.1 on asyncio
    application.py  a request to an operation to an answer, with the faults between
    control.py      what tests ask of the server itself, beside AWS's operations
    sqs.py, sns.py  the operations, in AWS's JSON and Query protocols
    clock.py        the server's time, which tests advance
    queues.py, fifo.py, polling.py  what a queue keeps, its order, and who waits for it
    rules.py, sqs_rules.py, sns_rules.py  what AWS refuses: pure functions
    faults.py       what goes wrong, when
    messages.py     what is sent and kept; errors.py, AWS's errors

It is not AWS: topics deliver nothing, messages never expire, one account has everything, and nobody
needs credentials.
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
