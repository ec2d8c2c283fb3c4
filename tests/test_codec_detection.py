"""Detection of payload types, decoding by a given type, and the payloads that need a hint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega import codec
from mega.codec import PayloadType, decode, encode, payload_type_hint
from mega.errors import DecodeError, EventError
from mega.event import Payload
from tests.event.examples import ITEM_ADDED, NOTIFICATION, item_added
from tests.hostile import base64_of

BSON_OF_A_1 = 'DAAAABBhAAEAAAAA'

# The envelope of SNS, used unless raw message delivery is on.
ENVELOPE = {
    'Type': 'Notification',
    'MessageId': 'dc1e94d9-56c5-5e96-808d-cc7f68faa162',
    'TopicArn': 'arn:aws:sns:us-east-2:111122223333:ExampleTopic1',
    'Message': '{"x":1}',
    'Timestamp': '2021-02-16T21:41:19.978Z',
    'SignatureVersion': '1',
    'Signature': 'FMG5tlZhJNHLHUXvZgtZzlk24FzVa7oX0T4P03neeXw8ZEXZx6z35j2FOTuNYShn2h0b',
    'SigningCertURL': 'https://sns.us-east-2.amazonaws.com/SimpleNotificationService.pem',
    'UnsubscribeURL': 'https://sns.us-east-2.amazonaws.com/?Action=Unsubscribe',
}


class TestDetection:
    @pytest.mark.parametrize('body', ['{}', ' \t\r\n{ }\n ', '\ufeff{}', '\ufeff {}', 'BQAAAAA='])
    def test_an_object_is_detected(self, body: str) -> None:
        assert decode(body) == {}

    @pytest.mark.parametrize(
        'body',
        [
            'text', 'caf\u00e9', '123', '-1.5', 'true', 'null', '"x"', '[]', '[{}]', '[1', 'NaN',
            'test', '1234', 'deadbeef', 'abcd', 'AAAA', base64_of(b'any bytes'), 'BQ!!AAAAA=',
            BSON_OF_A_1[:-4], BSON_OF_A_1 + 'AAAA', BSON_OF_A_1 + '\n', BSON_OF_A_1[:8] + '\n'
            + BSON_OF_A_1[8:], '\ufefftext', '\ufeff\ufeff{}', '\ufeff', '\ufeff123', 'x{}',
            '%7B%22a%22%3A1%7D', '&quot;', '\x00', ' text ', '\n',
        ],
        ids=repr,
    )  # fmt: skip
    def test_any_other_body_is_the_text_as_sent(self, body: str) -> None:
        assert decode(body) == body

    @pytest.mark.parametrize(
        'body',
        [
            '{', '{"a":', '{"a":1', "{'a': 1}", '{"a":1,}', '{"a":1}x', '{"a":1}{}', '{a:1}', ' {',
            '\ufeff{', '{"a":"\n"}', '{"a":01}', '{"a":+1}', '{"a":1.}', '{"a":\ufeff1}',
            '{"a":"\\x"}',
            '{"a":NaN}', '{"a":Infinity}', '{"a":[-Infinity]}', '{"a":1e400}', '{"a":-1e999999999}',
            '{"a":tru}', '{,}', '{{}}', '{"a" 1}', '{1:2}', '{"a":"\\ud8"}', '{name} joined',
        ],
        ids=repr,
    )  # fmt: skip
    @pytest.mark.parametrize('mark', [None, PayloadType.DATA, PayloadType.EVENT], ids=repr)
    def test_refuses_a_body_that_begins_like_an_object_but_is_not_one(
        self, body: str, mark: PayloadType | None
    ) -> None:
        with pytest.raises(DecodeError):
            decode(body, mark)

    def test_bson_that_is_marked_as_mega_is_an_event(self) -> None:
        assert isinstance(decode(encode(ITEM_ADDED, binary_encoding=True)), Payload)

    def test_does_not_unwrap_an_envelope(self) -> None:
        assert decode(json.dumps(ENVELOPE)) == ENVELOPE


class TestGivenType:
    @pytest.mark.parametrize('body', ['{"a":1}', BSON_OF_A_1, ' {"a":1}'])
    @pytest.mark.parametrize('mark', [PayloadType.DATA, 'data'], ids=['enum', 'text'])
    def test_data_is_an_object(self, body: str, mark: PayloadType | str) -> None:
        assert decode(body, mark) == {'a': 1}

    @pytest.mark.parametrize('binary', [False, True], ids=['json', 'bson'])
    def test_data_stays_a_dict_even_with_a_mega_mark(self, binary: bool) -> None:
        decoded = decode(encode(item_added(), binary), PayloadType.DATA)
        assert decoded == item_added().to_dict()

    def test_data_with_a_mega_mark_need_not_be_a_valid_event(self) -> None:
        assert decode('{"protocol":"mega"}', 'data') == {'protocol': 'mega'}

    @pytest.mark.parametrize('binary', [False, True], ids=['json', 'bson'])
    def test_event_is_a_payload(self, binary: bool) -> None:
        assert decode(encode(item_added(), binary), 'event') == item_added()

    @pytest.mark.parametrize('body', ['{"a":1}', BSON_OF_A_1, '{"protocol":"mega"}'])
    def test_event_refuses_other_objects(self, body: str) -> None:
        with pytest.raises((DecodeError, EventError)):
            decode(body, 'event')

    @pytest.mark.parametrize('body', ['text', '[]', '"x"', 'null', 'AAAA', BSON_OF_A_1[:-4], ''])
    @pytest.mark.parametrize('mark', ['data', 'event'])
    def test_data_and_event_refuse_a_body_that_is_not_an_object(self, body: str, mark: str) -> None:
        with pytest.raises(DecodeError):
            decode(body, mark)

    @pytest.mark.parametrize('body', ['{}', '{', '\ufeff{}', BSON_OF_A_1, ' x ', '123', '\ufeffx'])
    def test_text_is_the_body_exactly_as_sent(self, body: str) -> None:
        assert decode(body, PayloadType.TEXT) == decode(body, 'text') == body

    def test_blob_is_the_bytes(self) -> None:
        assert decode('AP8=', PayloadType.BLOB) == decode('AP8=', 'blob') == b'\x00\xff'
        assert decode(BSON_OF_A_1, 'blob') == b'\x0c\0\0\0\x10a\0\x01\0\0\0\0'

    @pytest.mark.parametrize(
        'body', ['AP8', 'AP8=\n', ' AP8=', 'AP\n8=', 'AP_8', 'A-8=', 'AP8==', '{}', 'é', 'AP8=AP8=']
    )
    def test_blob_refuses_a_body_that_is_not_strict_base64(self, body: str) -> None:
        with pytest.raises(DecodeError):
            decode(body, 'blob')

    @pytest.mark.parametrize('mark', ['', 'DATA', 'json', 'x' * 10_000, 'data\n'])
    def test_refuses_an_unknown_type(self, mark: str) -> None:
        with pytest.raises(DecodeError) as caught:
            decode('{}', mark)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 300

    def test_the_values_are_the_words_on_the_wire(self) -> None:
        assert [kind.value for kind in PayloadType] == ['event', 'data', 'text', 'blob', 'stream']


class TestHints:
    @pytest.mark.parametrize('text', ['text', '123', 'true', '[]', '"x"', 'AAAA', '\ufeffx', 'x{'])
    def test_most_texts_need_no_hint(self, text: str) -> None:
        assert payload_type_hint(text, encode(text)) is None

    @pytest.mark.parametrize(
        'text',
        [
            '{}',
            '{',
            ' {x',
            '{x} joined',
            '\ufeff{}',
            'BQAAAAA=',
            BSON_OF_A_1,
            json.dumps(ITEM_ADDED),
        ],
    )
    def test_texts_that_would_be_misread_need_a_hint(self, text: str) -> None:
        body = encode(text)
        assert body == text
        assert payload_type_hint(text, body) is PayloadType.TEXT

    @pytest.mark.parametrize('blob', [b'x', b'\0', b'{}', b'\x05\0\0\0\0'], ids=repr)
    @pytest.mark.parametrize('binary', [False, True], ids=['plain', 'binary'])
    def test_all_bytes_need_a_hint(self, blob: bytes, binary: bool) -> None:
        body = encode(blob, binary)
        assert body == base64_of(blob)
        assert payload_type_hint(blob, body) is PayloadType.BLOB
        assert decode(body, PayloadType.BLOB) == blob

    @pytest.mark.parametrize('binary', [False, True], ids=['json', 'bson'])
    @pytest.mark.parametrize('data', [{}, NOTIFICATION, {'Type': 'Notification'}])
    def test_data_needs_no_hint(self, data: dict[str, Any], binary: bool) -> None:
        assert payload_type_hint(data, encode(data, binary)) is None

    def test_data_that_looks_like_an_envelope_needs_a_hint(self) -> None:
        """The codec would decode it correctly, but a listener would unwrap it."""
        assert payload_type_hint(ENVELOPE, encode(ENVELOPE)) is PayloadType.DATA

    def test_an_event_with_the_keys_of_an_envelope_arrives_as_an_event(self) -> None:
        both = {**ITEM_ADDED, **ENVELOPE}
        body = encode(both)
        assert decode(body, payload_type_hint(both, body)) == Payload.from_dict(ITEM_ADDED)


class TestErrors:
    @pytest.mark.parametrize(
        'body',
        [
            '{"password":"hunter2"',
            '{"hunter2":NaN}',
            '{"a":hunter2}',
            '{"protocol":"mega","version":1,"event":"hunter2, a password, '
            'and a text that is longer than the limit of an error"}',
        ],
    )
    def test_do_not_contain_the_body(self, body: str) -> None:
        with pytest.raises((DecodeError, EventError)) as caught:
            decode(body)
        assert body not in repr(caught.value.args)
        chain = [caught.value, caught.value.__cause__]
        assert not any(getattr(error, 'doc', None) for error in chain)

    def test_decode_errors_are_value_errors(self) -> None:
        with pytest.raises(DecodeError) as caught:
            decode('{')
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize('binary_encoding', [False, True])
@pytest.mark.parametrize(
    'payload',
    [{'a': 1}, {'Type': 'Notification', 'MessageId': '1', 'TopicArn': 'a', 'Message': 'm',
                'Timestamp': 't'}],
    ids=['plain', 'like an envelope'],
)  # fmt: skip
def test_the_hint_of_an_encoding_is_that_of_its_body(
    payload: dict[str, object], binary_encoding: bool
) -> None:
    body, hint = codec.encode_with_type_hint(payload, binary_encoding)
    assert body == codec.encode(payload, binary_encoding)
    assert hint == codec.payload_type_hint(payload, body)
