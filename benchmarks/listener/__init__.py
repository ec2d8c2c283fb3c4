"""What it costs to drain a queue: with a listener, with boto3 alone, and with other libraries.

    python -m benchmarks.listener [--quick] [--rounds N] [--only SECTION]
        [--scheme http|https|both] [--peers PYTHON]

Against an in-memory SQS in a process of its own. The other libraries ask for another botocore than
one may have, so they live in a virtual environment of their own, which somebody has to make:

    python -m venv peers
    peers/bin/pip install --requirement benchmarks/listener/peers.txt
    python -m benchmarks.listener --peers peers/bin/python

workload.py    events, subscribers that want one each, and what they do with it
contenders.py  the plain loop, and the listener
peers.py       the other libraries: each run is a process; peer.py is what runs in it
bench.py       a queue filled, drained, timed, and found empty
sections.py    which contenders meet, at what latency, and how it is shown
own_share.py   where the listener's own microseconds go
"""
