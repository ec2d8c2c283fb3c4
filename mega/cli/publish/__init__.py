"""`mega publish`: publishes one payload, or the lines of a file, to a queue or a topic.

command.py          the options, and which of them belong together
payloads.py         the payload or the raw body that the arguments describe
message_options.py  what else a message has: attributes, group, deduplication id, delay, subject
destination.py      the queue or the topic, and its publisher
dry_run.py          messages as AWS would get them
lines.py            the lines of a file, with a payload in each
line_command.py     the part of the command that publishes lines
bulk.py             publishes lines in chunks, and knows where to continue
"""
