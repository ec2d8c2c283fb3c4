"""SQS, SNS and S3 in memory, on loopback, for the tests and benchmarks of publishers and listeners.

The server is fast, so that a benchmark measures the client. It refuses what AWS refuses. It fails
as AWS fails, by the seed of a random generator or step by step. From Python:

    with LocalAws() as aws:
        queue_url = aws.create_queue('orders')
        SqsPublisher(queue_url, **aws.credentials).publish(payload)
        [accepted] = aws.accepted()

From a shell: `mega local`. `running` runs the server in its own process.

    account.py      the model without I/O: operations by name, in the shapes of boto3
    state.py        the resources of an account; clock.py, their time; errors.py, AWS's errors
    sqs/, sns/, s3/  each: the operations, the rules (the validation of AWS), the resources
    operations.py   the parameters of requests, and batches; pages.py, the pages of lists
    deduplication.py, messages.py, rules.py  the common parts of SQS and SNS
    faults.py       injected faults
    server/         the HTTP front end, and its control by tests

The server differs from AWS: topics deliver to queues only, and need no permission; objects never
expire, one account owns all resources, and any credentials are accepted.
"""

from mega.local.faults import FailCall, FailEntries, Fault, Faults
from mega.local.server.control_client import Accepted, Counts, Server
from mega.local.server.local_aws import LocalAws
from mega.local.server.process import running

__all__ = (
    'Accepted',
    'Counts',
    'FailCall',
    'FailEntries',
    'Fault',
    'Faults',
    'LocalAws',
    'Server',
    'running',
)
