"""Small, complete programs. Run them in the root of the checkout: `python -m examples.web_shop`.

- `web_shop`: one event, one publisher, one subscriber, in twenty lines.
- `asyncio_subscriber`: `async def process`.
- `text_and_blobs`: payloads that are not objects.
- `large_payloads`: large bodies, offloaded to S3.
- `fifo`: a producer and a consumer of a FIFO queue, with the order in each message group.

They use a local AWS that `mega local` starts. `mega demo` shows all features, live in a terminal.
"""
