"""The engine: every time-dependent decision of a listener, without I/O, threads or a clock.

The runtime reports events to the engine and asks the engine for commands. A test can therefore
replay any order of events.

    commands.py        the commands, their results, and the settings
    delivery.py        one delivery and its phase
    call_limits.py     how long each call may take
    engine.py          the state machine: events in, commands out
    assignment.py      which messages each worker processes
    in_flight.py       the deliveries in flight, and how each one ends
    body_waits.py      messages that wait for their bodies from S3
    message_groups.py  which message may start next
    receiving.py       how many messages to receive, and when
    batches.py         DeleteMessageBatch and ChangeMessageVisibilityBatch calls to make
    visibility.py      when to extend a visibility timeout, and for how long
    dead_letters.py    SendMessage calls to make to the dead-letter queue
    retries.py         when to repeat a call that failed
    stopping.py        the deadlines of a stop
"""

from mega.aws.sqs.subscribe.engine.engine import Engine

__all__ = ('Engine',)
