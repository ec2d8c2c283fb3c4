"""A FIFO queue with a concurrent producer and consumer, and the order in each message group.

- `producer`: sends numbered messages in three message groups.
- `consumer`: receives the messages, and prints a column for each message group.
- `__main__`: runs both, each in its own thread, on a temporary queue.
"""
