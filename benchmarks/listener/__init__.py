"""Compare the cost of draining a queue with a listener, with boto3, and with other libraries.

    python -m benchmarks.listener [--quick] [--rounds N] [--only SECTION]
        [--scheme http|https|both] [--peers PYTHON] [--redis URL] [--database URL] [--dynamodb URL]

The in-memory SQS runs in its own process. The other libraries may need another version of botocore,
so they run in a separate virtual environment. Create it first:

    python -m venv peers
    peers/bin/pip install --requirement benchmarks/listener/peers.txt
    python -m benchmarks.listener --peers peers/bin/python

workload.py    events, and the subscribers that match them
contenders.py  the plain loop, and the listener
peers.py       the other libraries; peer.py is the program of their processes
bench.py       fills a queue, measures its drain, and verifies that it is empty
sections.py    the comparisons of contenders, and their output
idempotency.py the cost of the hook `Idempotency`, with each store
typed.py       the CPU time of the conversion of payloads
own_share.py   the CPU time of the listener itself, by stage and function
"""
