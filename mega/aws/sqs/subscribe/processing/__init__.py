"""The processing of one message: open, match, dispatch, settle.

    pipeline.py    one message from its receive to its settlement
    opening.py     ... its payload, or the exception that opening it raised
    dispatch.py    one message, many subscribers
    hooks.py       user code around deliveries and subscribers
    failures.py    which exceptions concern the machine, and not the message
    outcome.py     the outcome of one subscriber; outcome_log.py logs it
    settlement.py  the decision about the message: ack, leave or dead-letter

The package contains no threads, makes no calls to AWS and never waits. The caller passes in the
function that opens a body, which may read it from S3. The package yields the awaitables of
`async def` subscribers to its caller.
"""
