"""`mega stats`: the numbers of messages in queues, once or again and again.

- `command`: the command.
- `display`: readings as text, and the part of a terminal that shows the latest of them.
- `readings`: one reading of a queue, beside its dead-letter queue.
- `ages`: the age of the oldest message, which only CloudWatch knows.
"""
