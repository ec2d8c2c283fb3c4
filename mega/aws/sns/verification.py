"""The envelopes that a listener opens: their topics, and the verification of their signatures.

    policy = EnvelopePolicy.create(['arn:aws:sns:eu-west-1:123456789012:orders'], True)
    policy.check(envelope)     # an EnvelopeError for an envelope of another topic, or a forged one
    policy.check(None)         # an EnvelopeError: the message has no envelope

Any sender to a queue can write an envelope, or send a message without one. SNS also signs the
messages of topics in other accounts. So a signature proves nothing without a list of topics, and a
list of topics proves nothing without a signature: it only finds mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from mega.aws._messages.destinations import check_topic_arn
from mega.errors import ConfigurationError, EnvelopeError, safe_repr

__all__ = ('EnvelopePolicy',)

_Document: TypeAlias = Mapping[str, Any]


class EnvelopePolicy(Struct, frozen=True):
    """The topics whose envelopes are opened, and the function that verifies a signature, if any."""

    topics: frozenset[str]
    verify: Callable[[_Document], None] | None = None

    @classmethod
    def create(
        cls, allowed_topics: Iterable[str] | None, verify_signatures: bool
    ) -> EnvelopePolicy | None:
        """Return the policy for the options of a listener; None if it opens every message.

        Raises:
            ConfigurationError: for an invalid list of ARNs, for signatures without topics, and if
                the library that verifies signatures is not installed.
        """
        if allowed_topics is not None:
            verify = _signature_check() if verify_signatures else None
            return cls(_check_topics(allowed_topics), verify)
        if verify_signatures:
            problem = 'requires allowed_topics=: SNS also signs for topics of other accounts'
            raise ConfigurationError(f'verify_sns_signatures=True {problem}')
        return None

    def check(self, document: _Document | None) -> None:
        """Check an object that looks like an envelope; None stands for a message without one.

        Raises:
            EnvelopeError: if the message must not be opened.
            TransportError: if that is not known yet, because the certificate of SNS cannot be
                downloaded now.
        """
        if document is None:
            problem = 'and the listener has allowed_topics: turn off raw message delivery'
            raise EnvelopeError(f'the message has none, {problem}')
        if document['TopicArn'] not in self.topics:
            topic = safe_repr(document['TopicArn'])
            raise EnvelopeError(f'its TopicArn is {topic}, not one of allowed_topics')
        if self.verify is not None:
            self.verify(document)


def _check_topics(topics: object) -> frozenset[str]:
    found: tuple[object, ...] = ()
    if isinstance(topics, Iterable) and not isinstance(topics, str):
        found = tuple(topics)
    if not found:
        problem = 'must be a list of ARNs of topics, or None'
        raise ConfigurationError(f'allowed_topics={safe_repr(topics)}: {problem}')
    return frozenset(check_topic_arn('allowed_topics', topic) for topic in found)


def _signature_check() -> Callable[[_Document], None]:
    try:
        from mega.aws.sns.certificates import SigningCertificates
        from mega.aws.sns.signature import verify_signature
    except ModuleNotFoundError as error:
        problem = "needs cryptography: pip install 'sqs-mega[sns-verify]'"
        raise ConfigurationError(f'verify_sns_signatures=True {problem}') from error
    certificates = SigningCertificates()
    return lambda document: verify_signature(document, certificates)
