"""MEGA at work in a terminal: `scripts/demo`, or `python -m examples.demo --help`.

- `payloads`: what is published.
- `subscribers`: who wants it.
- `story`: the messages in their order, and what is expected to become of each.
- `aws`: the topic and the queues, and where nothing else is asked for a server.
- `screen`: columns and colours.
- `__main__`: all of it, live.
"""
