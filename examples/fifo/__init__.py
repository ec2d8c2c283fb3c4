"""A FIFO queue: a producer and a consumer at the same time, and the order within each group.

- `producer`: sends numbered messages, each in the group of its cart.
- `consumer`: receives them, one column for each group.
- `__main__`: both, in threads of their own, on a queue made for it.
"""
