"""MEGA: a pattern-matching event bus on SQS and SNS.

Where everything lives, in the order in which a message meets it:

- `mega.event`: the MEGA event: payload, builder, payload to dict and back.
- `mega.codec`: payload to body and back: JSON, BSON in Base64, text, blobs.
- `mega.aws.sqs`, `mega.aws.sns`: the publishers.
- `mega.aws.sqs.subscribe`: subscribers, and the listener that brings them their messages.
- `mega.match`: the pattern language in which subscribers say what they want.
- `mega.errors`: every way in which any of this can fail.

This module imports nothing: each part is imported by its own name.
"""
