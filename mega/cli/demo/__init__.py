"""`mega demo`: events published, matched and processed, live in a terminal.

command.py      the options, the introduction, the summary and the exit code
payloads.py     the published payloads
reports.py      what the subscribers report
subscribers.py  the subscribers of the three queues
story.py        the messages in order, with the expected results
aws.py          the topic and the queues, on a local AWS by default
live.py         publishes the messages, and prints the results as they arrive
screen.py       columns and colors
"""
