"""`mega outbox`: the relay of an outbox, and the messages that AWS refused.

command.py       the group of commands
relay_target.py  TARGET: the relay of the user
running.py       mega outbox run
listing.py       mega outbox list
retrying.py      mega outbox retry
"""
