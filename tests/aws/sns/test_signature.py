"""The signature of an envelope: what it covers, and what it does not."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from mega.aws.sns.certificates import SigningCertificates
from mega.aws.sns.signature import signed_text, verify_signature
from mega.errors import EnvelopeError, TransportError
from tests.aws.sns.signing import NOTIFICATION, SUBSCRIPTION, certificate, signed

UNSUBSCRIPTION = {**SUBSCRIPTION, 'Type': 'UnsubscribeConfirmation'}
WITHOUT_SUBJECT = {name: value for name, value in NOTIFICATION.items() if name != 'Subject'}
KINDS = {
    'notification': NOTIFICATION,
    'without subject': WITHOUT_SUBJECT,
    'subscription': SUBSCRIPTION,
    'unsubscription': UNSUBSCRIPTION,
}
A_KIND = pytest.mark.parametrize('document', KINDS.values(), ids=KINDS)
A_VERSION = pytest.mark.parametrize('version', ['1', '2'])

CERTIFICATE = certificate()
CERTIFICATES = SigningCertificates(lambda url: CERTIFICATE)
SIGNED = {version: signed(NOTIFICATION, version) for version in ('1', '2')}


def verify(document: dict[str, Any]) -> None:
    verify_signature(document, CERTIFICATES)


def test_the_signed_text_of_a_notification() -> None:
    document = {**NOTIFICATION, 'Message': 'hej\n', 'MessageId': '7', 'Subject': 'S'}
    assert signed_text(document) == (
        'Message\nhej\n\nMessageId\n7\nSubject\nS\nTimestamp\n2021-02-16T21:41:19.978Z\n'
        'TopicArn\narn:aws:sns:us-east-2:123456789012:orders\nType\nNotification\n'
    )


def test_the_signed_text_of_a_confirmation() -> None:
    assert signed_text({**SUBSCRIPTION, 'Subject': 'not signed'}) == (
        'Message\nYou have chosen to subscribe to the topic.\n'
        'MessageId\n165545c9-2a5c-472c-8df2-7ff2be2b3b1b\n'
        'SubscribeURL\nhttps://sns.us-east-2.amazonaws.com/?Action=ConfirmSubscription\n'
        'Timestamp\n2012-04-26T20:45:04.751Z\nToken\n2336412f37fb687f5d51e6e2425c464de12d\n'
        'TopicArn\narn:aws:sns:us-east-2:123456789012:orders\nType\nSubscriptionConfirmation\n'
    )


@A_KIND
@A_VERSION
def test_a_valid_signature_is_accepted(document: dict[str, Any], version: str) -> None:
    verify(signed(document, version))


@pytest.mark.parametrize(
    'message',
    ['', 'é 漢 \U0001f600', 'a\nMessageId\nb\n', '\\n', 'a' * 262_144],
    ids=['empty', 'Unicode', 'lines', 'escape', 'long'],
)
def test_the_message_may_be_any_text(message: str) -> None:
    verify(signed({**NOTIFICATION, 'Message': message}))


def test_a_subject_of_null_is_no_subject() -> None:
    verify({**signed(WITHOUT_SUBJECT), 'Subject': None})


FIELDS = ('Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn')


@A_VERSION
@pytest.mark.parametrize(
    ('kind', 'name'),
    [(kind, name) for kind, document in KINDS.items() for name in FIELDS if name in document],
)
def test_a_changed_field_is_detected(kind: str, name: str, version: str) -> None:
    genuine = signed(KINDS[kind], version)
    for value in (genuine[name] + ' ', genuine[name][:-1], ''):
        with pytest.raises(EnvelopeError, match='its signature is not valid'):
            verify({**genuine, name: value})


@A_KIND
def test_another_type_is_detected(document: dict[str, Any]) -> None:
    genuine = signed(document)
    for other in ('Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation'):
        if other != document['Type']:
            with pytest.raises(EnvelopeError):
                verify({**genuine, 'Type': other})


@given(
    version=st.sampled_from(['1', '2']),
    changes=st.fixed_dictionaries(
        {},
        optional={
            name: st.text(st.characters(codec='utf-8') | st.sampled_from('\n\r'), max_size=9)
            | st.sampled_from([NOTIFICATION[name]])
            for name in ('Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn')
        },
    ),
)
def test_any_change_of_the_signed_fields_is_detected(version: str, changes: dict[str, str]) -> None:
    document = {**SIGNED[version], **changes}
    if document == SIGNED[version]:
        verify(document)
    else:
        with pytest.raises(EnvelopeError):
            verify(document)


@given(st.data())
def test_any_change_of_the_signature_is_detected(data: st.DataObject) -> None:
    genuine = SIGNED['2']
    signature = bytearray(b64decode(genuine['Signature']))
    signature[data.draw(st.integers(0, len(signature) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(EnvelopeError, match='its signature is not valid'):
        verify({**genuine, 'Signature': b64encode(signature).decode()})


LINES = st.sampled_from(['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type', 'a'])


@given(st.lists(LINES, max_size=30).map('\n'.join), LINES, LINES | st.none(), LINES)
def test_fault_56_a_signed_text_has_one_reading(
    message: str, message_id: str, subject: str | None, time: str
) -> None:
    """No line of a message passes for another field."""
    fields = {'Message': message, 'MessageId': message_id, 'Timestamp': time}
    document = {'Type': 'Notification', 'TopicArn': 'a', 'Subject': subject, **fields}
    assert readings(signed_text(document)) == [(message, message_id, subject, time)]


def readings(text: str) -> list[tuple[str, str, str | None, str]]:
    """Return each notification with this signed text: message, id, subject and time."""
    lines = text.removeprefix('Message\n').removesuffix('\n').split('\n')
    found = []
    for names in (['MessageId', 'Timestamp'], ['MessageId', 'Subject', 'Timestamp']):
        start = len(lines) - 2 * len(names) - 4
        rest = lines[max(start, 0) :]
        if start > 0 and rest[::2] == [*names, 'TopicArn', 'Type']:
            values = dict(zip(rest[::2], rest[1::2], strict=True))
            message = '\n'.join(lines[:start])
            found.append((message, values['MessageId'], values.get('Subject'), values['Timestamp']))
    return found


@pytest.mark.parametrize('name', ['MessageId', 'Subject', 'Timestamp', 'TopicArn'])
@pytest.mark.parametrize('value', ['a\nb', 'a\rb', '\n', 5, ['a'], {}, True], ids=repr)
def test_fault_56_a_signed_field_must_be_one_line_of_text(name: str, value: object) -> None:
    with pytest.raises(EnvelopeError, match=f'its {name} is .*, not one line of text') as caught:
        verify({**SIGNED['1'], name: value})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize('name', ['SubscribeURL', 'Token'])
@pytest.mark.parametrize('value', ['a\nb', 5, None], ids=repr)
def test_fault_56_a_field_of_a_confirmation_must_be_one_line_of_text(
    name: str, value: object
) -> None:
    with pytest.raises(EnvelopeError, match=f'its {name} is .*, not one line of text'):
        verify({**signed(SUBSCRIPTION), name: value})


def test_fault_56_a_field_cannot_move_into_another() -> None:
    """A signed subject becomes a part of the message id, and the signed text stays the same."""
    genuine = signed({**NOTIFICATION, 'MessageId': '1', 'Subject': 'S'})
    moved = {**genuine, 'MessageId': '1\nSubject\nS', 'Subject': None}
    with pytest.raises(EnvelopeError, match='MessageId'):
        verify(moved)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('MessageAttributes', {'a': {'Type': 'String', 'Value': 'changed'}}),
        ('MessageAttributes', None),
        ('UnsubscribeURL', 'https://evil.example'),
        ('SequenceNumber', '1'),
        ('Unknown', 'x'),
    ],
)
def test_fault_55_sns_does_not_sign_the_other_fields(name: str, value: object) -> None:
    verify({**SIGNED['2'], name: value})


@pytest.mark.parametrize(
    'version', ['3', '0', '', '1 ', '１', 1, 2, 1.0, None, ['1'], {}], ids=repr
)
def test_fault_59_an_unknown_version_is_refused(version: object) -> None:
    with pytest.raises(EnvelopeError, match='SignatureVersion'):
        verify({**SIGNED['1'], 'SignatureVersion': version})


def test_fault_59_a_signature_of_the_other_version_is_refused() -> None:
    for version, other in (('1', '2'), ('2', '1')):
        with pytest.raises(EnvelopeError, match='its signature is not valid'):
            verify({**SIGNED[version], 'SignatureVersion': other})


@pytest.mark.parametrize(
    'signature', ['', 'AAAA', '====', 'not Base64', 'é', '\ud800', None, 5, ['AAAA'], b'AAAA'],
    ids=repr,
)  # fmt: skip
def test_fault_59_a_missing_or_malformed_signature_is_refused(signature: object) -> None:
    for document in (
        {**SIGNED['1'], 'Signature': signature},
        {name: value for name, value in SIGNED['1'].items() if name != 'Signature'},
    ):
        with pytest.raises(EnvelopeError, match=r'[Ss]ignature'):
            verify(document)


def test_a_signature_of_another_key_is_refused() -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(EnvelopeError, match='its signature is not valid'):
        verify(signed(NOTIFICATION, '2', other))


def test_half_of_a_surrogate_pair_is_not_signed_as_another_character() -> None:
    for character in ('?', '\ufffd', ''):
        genuine = signed({**NOTIFICATION, 'Message': f'a{character}'})
        with pytest.raises(EnvelopeError, match='its signature is not valid'):
            verify({**genuine, 'Message': 'a\ud800'})


@pytest.mark.parametrize('added', ['\n', ' ', '!', '-'], ids=repr)
def test_a_signature_has_only_characters_of_base64(added: str) -> None:
    with pytest.raises(EnvelopeError, match='its Signature is not Base64'):
        verify({**SIGNED['1'], 'Signature': added + SIGNED['1']['Signature']})


def test_nothing_is_downloaded_for_an_envelope_that_is_refused_anyway() -> None:
    certificates = SigningCertificates(lambda url: pytest.fail(f'{url} was downloaded'))
    for change in ({'SignatureVersion': '3'}, {'Signature': 'é'}, {'MessageId': 'a\nb'}):
        with pytest.raises(EnvelopeError):
            verify_signature({**SIGNED['1'], **change}, certificates)


def test_a_failed_download_is_a_temporary_failure() -> None:
    def fails(url: str) -> bytes:
        raise TransportError(f'GET {url}', 'Timeout', 'no response', True)

    with pytest.raises(TransportError, match='Timeout'):
        verify_signature(SIGNED['1'], SigningCertificates(fails))
