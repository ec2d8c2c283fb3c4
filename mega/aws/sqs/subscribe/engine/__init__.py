"""The listener's engine: every decision of it, and nothing else.

`core` is told what happened and says what to do next. It has neither threads nor a clock and calls
nobody, so that any order of events can be tried out. What it decides by lies beside it: how much to
receive (`polls`), what is in hand and how it gets out of it (`hand`), who may be started (`lines`),
what goes to SQS in which batch (`outbox`), how long a message is kept hidden (`hiding`), and where
a delivery stands (`delivery`). `actions` are the words between the engine and whoever runs it.
"""

from mega.aws.sqs.subscribe.engine.engine import Engine

__all__ = ('Engine',)
