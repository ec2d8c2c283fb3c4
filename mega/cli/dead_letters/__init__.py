"""`mega dead-letters`: shows and repairs the messages of a dead-letter queue.

- `command`: the group of the commands; `listing`, `showing`, `exporting`, `importing`,
  `redriving` and `dropping`.
- `queue`: the dead-letter queue, and a pass over its messages.
- `letters`: a dead letter, its reason and its ids; `groups`, letters with the same failure.
- `selection`: the letters that a command applies to.
- `passes`: the passes of a command that changes the queue.
- `redrive`: one pass of a redrive; `destinations`, `resending` and `editing`, its parts.
"""
