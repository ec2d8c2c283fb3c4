"""A FIFO queue with a concurrent producer and consumer, and the order in each message group.

- `settings.ini`: the message groups, the number of messages, and when the consumer ends.
- `producer`: sends numbered messages in each message group, in yellow.
- `consumer`: receives the messages, and prints a column for each message group, in green.
- `__main__`: runs both, the producer in its own thread, on a temporary queue.
"""
