"""The `Idempotency` hook and the protocol of its stores, in virtual time, from a seed.

    laws.py     the invariants of every schedule
    tracking.py what the simulation knows about records and runs, beside the store
    store.py    a store in memory whose requests and responses are lost, with clocks that differ
    process.py  a process with the hook, and the deliveries that it processes
    world.py    a small SQS, two processes, and the faults of one schedule
    defects.py  deliberate mistakes in the store and in the hook

A model of SQS of a few lines is sufficient here: messages become visible, may be delivered twice,
and stay hidden while the heartbeat of a process extends them. Between two steps of the hook,
everything else may happen, and the process may end.
"""
