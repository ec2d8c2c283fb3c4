"""The signature of an envelope: which fields it covers, and whether it is valid.

SNS signs the text of these lines, in UTF-8, with the SHA-1 (version 1) or SHA-256 (version 2) of
RSA. A notification without a subject has no lines of the subject.

    Message
    {"x": 1}
    MessageId
    dc1e94d9-56c5-5e96-808d-cc7f68faa162
    Subject
    an order
    Timestamp
    2021-02-16T21:41:19.978Z
    TopicArn
    arn:aws:sns:eu-west-1:123456789012:orders
    Type
    Notification

The other fields are not signed, the message attributes among them. The message may have any number
of lines. Each other field is one line, so that the text can be read in only one way, from its end.
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from mega.aws.sns.certificates import SigningCertificates
from mega.aws.sns.envelope import is_line
from mega.errors import EnvelopeError, safe_repr

__all__ = ('signed_text', 'verify_signature')

_NOTIFICATION = ('Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type')
_CONFIRMATION = ('Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type')
_HASHES = {'1': SHA1(), '2': SHA256()}


def verify_signature(document: Mapping[str, Any], certificates: SigningCertificates) -> None:
    """Verify the signature of an object that looks like an envelope, by `looks_like_envelope`.

    Raises:
        EnvelopeError: for a signature that is missing, invalid or of an unknown version, and for a
            certificate that is not one of SNS.
        TransportError: if the certificate cannot be downloaded now.
    """
    version = document.get('SignatureVersion')
    if not isinstance(version, str) or version not in _HASHES:
        raise EnvelopeError(f'its SignatureVersion is {safe_repr(version)}, not 1 or 2')
    try:
        signature = b64decode(document.get('Signature'), validate=True)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise EnvelopeError('its Signature is not Base64') from None
    # Half of a surrogate pair is encoded as well: SNS never signed it.
    text = signed_text(document).encode('utf-8', 'surrogatepass')
    key = certificates.key(document.get('SigningCertURL'))
    try:
        key.verify(signature, text, PKCS1v15(), _HASHES[version])
    except InvalidSignature:
        raise EnvelopeError('its signature is not valid') from None


def signed_text(document: Mapping[str, Any]) -> str:
    """Return the text that SNS signed.

    Raises:
        EnvelopeError: for a field that is not one line of text.
    """
    names = _NOTIFICATION if document['Type'] == 'Notification' else _CONFIRMATION
    lines = []
    for name in names:
        value = document.get(name)
        if name == 'Subject' and value is None:
            continue
        if name != 'Message' and not is_line(value):
            raise EnvelopeError(f'its {name} is {safe_repr(value)}, not one line of text')
        lines += [name, str(value)]
    return '\n'.join([*lines, ''])
