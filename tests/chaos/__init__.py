"""Listeners in processes of their own that are killed, stopped and failed, on real local servers.

    program.py      one listener: it tells of all that it does on a pipe
    crowd.py        several of them on one queue, and what they tell, in the order of its happening
    test_kills.py   SIGKILL at random; SIGTERM under load
    test_order.py   FIFO groups, under kills and failures
    test_faults.py  an SQS that fails at random, and in each way by itself

Nothing here waits for a time to pass: it waits for what the processes tell and the queues say.
`MEGA_PROFILE=nightly` makes everything ten times as much.
"""
