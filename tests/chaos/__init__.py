"""Listener processes under kills, stops and faults, on real local servers.

    listener_program.py  one listener process, which reports its messages through a pipe
    process_group.py     several of these processes on one queue, and their reports in order
    test_kills.py        SIGKILL at random; SIGTERM under load
    test_order.py        FIFO groups, with kills and failures
    stress.py            every kind of fault at once; also a program, with a number of messages
    stress_program.py    a listener process of the stress test
    faulty_network.py    a network and an S3 that fail on command
    test_once.py         effects in PostgreSQL, with their records in one transaction
    test_outbox.py       transactions and relays of an outbox; the database is killed, too
    test_faults.py       an SQS with random faults, and with each kind of fault alone

No test sleeps: the tests wait for reports of the processes and for the counts of the queues.
`MEGA_PROFILE=nightly` multiplies the number of messages and kills.
"""
