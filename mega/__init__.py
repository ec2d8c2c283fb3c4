"""MEGA: a pattern-matching event bus on Amazon SQS and SNS.

The packages, in the order in which a message meets them:

- `mega.event`: a MEGA event: payload, builder, conversion to and from `dict`.
- `mega.codec`: payload to body and back: JSON, BSON in Base64, text, blobs.
- `mega.aws.s3`: the store of bodies that are too large for a message.
- `mega.aws.sqs`, `mega.aws.sns`: the publishers.
- `mega.aws.sqs.subscribe`: the subscribers, and the listener that dispatches messages to them.
- `mega.match`: the pattern language, in which a subscriber declares the payloads it receives.
- `mega.errors`: every error that these packages raise.

This module imports nothing. Import each package by its own name.
"""
