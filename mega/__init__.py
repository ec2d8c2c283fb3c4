"""MEGA: a pattern-matching event bus on Amazon SQS and SNS.

The packages:

- `mega.event`: a MEGA event: payload, builder, conversion to and from `dict`.
- `mega.codec`: payload to body and back: JSON, BSON in Base64, text, blobs.
- `mega.aws.s3`: the store of bodies that are too large for a message.
- `mega.aws.sqs`, `mega.aws.sns`: the publishers.
- `mega.aws.sqs.subscribe`: the subscribers, and the listener that dispatches messages to them.
- `mega.match`: the pattern language. A subscriber declares a pattern for the payloads to receive.
- `mega.errors`: every error that these packages raise.
- `mega.timestamps`: ISO-8601 text and `datetime`.

This module imports nothing. Import each package by its own name.
"""
