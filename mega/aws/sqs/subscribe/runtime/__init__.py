"""The runtime of a listener: threads, an event loop, and the calls to AWS.

runs.py               the runs of a listener: start, stop, pause, resume
session.py            runs the commands of the engine, from a start to a stop
context.py            the parts of a listener that its sessions share
threads.py            a session in threads
worker_pool.py        the threads, and their turns with the engine
event_loop.py         the event loop for `async def` subscribers
lazy_event_loop.py    ... which the first of them creates
awaiting.py           how both event loops await a subscriber
inline_event_loop.py  an event loop in the calling thread, for Lambda and for tests
queue_client.py       the calls to the queue
dead_letter_sender.py the calls to the dead-letter queue
s3_prefetch.py        bodies in S3: read ahead of the processing, deleted after it
signals.py            SIGTERM and SIGINT
stats.py              counters
delivery_log.py       log lines and counters for the notices of the engine
session_log.py        log lines about the session: its states, and failed calls
stack_traces.py       where a thread or a coroutine is
"""
