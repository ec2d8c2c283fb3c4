"""MEGA at work in a terminal: `scripts/demo`, or `python -m examples.demo --help`.

- `payloads`: the published payloads.
- `subscribers`: the subscribers of the three queues.
- `story`: the messages in order, with the expected results.
- `aws`: the topic, the queues, and by default a local server.
- `live`: publishes the messages, and prints the results as they arrive.
- `screen`: columns and colours.
- `__main__`: the command line.
"""
