"""Complete small programs, to be run in the root of the checkout: `python -m examples.web_shop`.

- `demo`: everything at once, live in a terminal; `scripts/demo` runs it.
- `web_shop`: one event, one publisher, one subscriber, in twenty lines.
- `asyncio_subscriber`: `async def process`.
- `text_and_blobs`: payloads that are no objects.
- `large_payloads`: bodies that go through S3.
- `fifo`: a producer and a consumer of a FIFO queue, in the order of each group.

A local AWS for all but the demo, which has one: `python -m moto.server -H 127.0.0.1 -p 4566`.
"""
