"""Payload to body and back: JSON, events, and values that a body cannot carry."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import OrderedDict
from typing import Any

import pytest

from mega.codec import decode, encode, payload_type_hint
from mega.errors import DecodeError, EncodeError, EventError
from mega.event import Payload
from tests.event.examples import ITEM_ADDED, NOTIFICATION, USER_LOGIN, document, item_added
from tests.hostile import nested_json
from tests.payload_equality import with_types


class Colours(list[str]):
    """A `list` that would arrive as a plain `list`."""


class TestJson:
    def test_is_never_larger_than_the_118_characters_of_the_example(self) -> None:
        assert len(json.dumps(NOTIFICATION)) == 118
        assert len(encode(NOTIFICATION)) < 118

    def test_has_no_spaces_and_does_not_escape_characters(self) -> None:
        assert encode({'a': [1, 'é漢😀'], 'b': None}) == '{"a":[1,"é漢😀"],"b":null}'

    @pytest.mark.parametrize('character', ['\ufffe', '\uffff', '\ud800', 'a\udfff', '\x00', '\x0b'])
    def test_escapes_characters_that_sqs_does_not_carry(self, character: str) -> None:
        body = encode({character: character})
        assert body.isascii()
        assert body.isprintable()
        assert decode(body) == {character: character}

    @pytest.mark.parametrize(
        ('text', 'body'),
        [
            ('\ufffd\U0001f600\ud7ff\ue000', '{"a":"\ufffd\U0001f600\ud7ff\ue000"}'),
            ('é\ufffe', '{"a":"é\\ufffe"}'),
            ('\U0001ffff\uffff', '{"a":"\U0001ffff\\uffff"}'),
            ('\ud7ff\ud800', '{"a":"\ud7ff\\ud800"}'),
            ('\udfff\ue000', '{"a":"\\udfff\ue000"}'),
        ],
        ids=ascii,
    )
    def test_escapes_no_other_characters(self, text: str, body: str) -> None:
        assert encode({'a': text}) == body

    def test_keeps_half_of_a_surrogate_pair_next_to_the_escape_of_the_other_half(self) -> None:
        payload = {'a': '\ud83d\\ude00', 'b': '\ud83d"', 'c': '\ude00\ud83d'}
        assert decode(encode(payload)) == payload

    @pytest.mark.parametrize(
        'number',
        [0, -1, 2**31, 2**63, 2**64, 10**400, 2**14284 - 1, 1 - 2**14284, 1.0, -0.0, 5e-324, 1e308],
        ids=lambda number: f'{type(number).__name__} {str(number)[:12]}',
    )
    def test_numbers_are_exact(self, number: float) -> None:
        assert with_types(decode(encode({'a': number}))) == with_types({'a': number})

    @pytest.mark.parametrize('digits', [4293, 4294, 4295, 4300])
    def test_decodes_integers_of_up_to_4300_digits_in_bodies_of_any_length(
        self, digits: int
    ) -> None:
        body = f'{{"a":{"9" * digits}}}'
        assert decode(body) == decode(f'{body}{" " * 5000}') == {'a': 10**digits - 1}

    def test_a_tuple_arrives_as_a_list(self) -> None:
        assert with_types(decode(encode({'a': (1, (2,))}))) == with_types({'a': [1, [2]]})

    def test_keeps_the_order_of_keys(self) -> None:
        body = encode({'b': 1, 'a': 2, '_id': 3})
        decoded = decode(body)
        assert isinstance(decoded, dict)
        assert list(decoded) == ['b', 'a', '_id']

    def test_carries_100_levels_and_refuses_101_in_both_directions(self) -> None:
        deepest = json.loads(nested_json(100))
        assert encode(deepest) == nested_json(100)
        assert decode(nested_json(100)) == deepest
        with pytest.raises(EncodeError) as caught:
            encode(json.loads(nested_json(101)))
        assert caught.value.path == 'a[0].' * 49 + 'a[0]'
        with pytest.raises(DecodeError):
            decode(nested_json(101))

    @pytest.mark.skipif(sys.version_info >= (3, 12), reason='json itself takes more there')
    def test_a_deep_body_does_not_overflow_the_stack_of_a_small_thread(self) -> None:
        code = (
            'import threading\n'
            'from mega.codec import decode\n'
            'threading.stack_size(256 * 1024)\n'
            """deep = '{"a":' * 100_000 + '1' + '}' * 100_000\n"""
            'thread = threading.Thread(target=decode, args=[deep])\n'
            'thread.start()\n'
            'thread.join()\n'
        )
        ended = subprocess.run([sys.executable, '-c', code], capture_output=True, check=True)
        assert b'nested deeper than 100 levels' in ended.stderr

    @pytest.mark.skipif(sys.version_info >= (3, 12), reason='C counts its own levels there')
    def test_raises_a_decode_error_if_the_stack_is_nearly_used_up(self) -> None:
        def decode_after(calls: int) -> object:
            return decode_after(calls - 1) if calls else decode(nested_json(100))

        for calls in range(sys.getrecursionlimit()):
            try:
                decode_after(calls)
            except RecursionError:
                pytest.fail('the decoder raised a RecursionError')
            except DecodeError:
                return

    def test_brackets_in_a_text_do_not_count_as_levels(self) -> None:
        payload = {'a': '[{"\\' * 500, 'b': [[1]] * 200}
        assert decode(encode(payload)) == payload

    @pytest.mark.parametrize('beside', [{}, [], '[', '{"[' * 200, [[]] * 200], ids=repr)
    def test_values_beside_the_deepest_level_do_not_count_as_levels(self, beside: Any) -> None:
        for depth, part in ((100, 'carried'), (101, 'refused')):
            inner = json.loads(nested_json(depth - 1))
            body = json.dumps({'beside': beside, 'deep': inner, 'after': beside})
            if part == 'carried':
                assert decode(body) == json.loads(body)
            else:
                with pytest.raises(DecodeError):
                    decode(body)

    @pytest.mark.parametrize(
        ('number', 'written'),
        [(1e-5, '1e-05'), (-2.5e-5, '-2.5e-05'), (9.999e-5, '9.999e-05'), (0.0001, '0.0001')],
        ids=str,
    )
    def test_never_writes_a_small_float_larger_than_json(self, number: float, written: str) -> None:
        assert encode({'a': [number], 'b': 'é'}) == f'{{"a":[{written}],"b":"é"}}'

    def test_keeps_the_order_of_a_subclass_of_dict(self) -> None:
        payload = OrderedDict(a=1, b=2)
        payload.move_to_end('a')
        assert encode(payload) == '{"b":2,"a":1}'
        assert encode({'in': payload}) == '{"in":{"b":2,"a":1}}'


class TestEvents:
    @pytest.mark.parametrize('binary', [False, True], ids=['json', 'bson'])
    def test_arrives_as_an_equal_payload(self, binary: bool) -> None:
        payload = item_added()
        body = encode(payload, binary)
        assert decode(body) == payload
        assert payload_type_hint(payload, body) is None

    @pytest.mark.parametrize('binary', [False, True], ids=['json', 'bson'])
    @pytest.mark.parametrize('written', [ITEM_ADDED, USER_LOGIN], ids=['inline', 'nested'])
    def test_a_dict_that_is_an_event_arrives_as_a_payload(
        self, written: dict[str, Any], binary: bool
    ) -> None:
        body = encode(written, binary)
        assert decode(body) == Payload.from_dict(written)
        assert payload_type_hint(written, body) is None

    def test_the_body_has_the_normal_form(self) -> None:
        assert json.loads(encode(USER_LOGIN)) == {**USER_LOGIN, 'version': 1}
        assert json.loads(encode(ITEM_ADDED)) == Payload.from_dict(ITEM_ADDED).to_dict()

    def test_refuses_a_dict_that_is_marked_but_is_not_an_event(self) -> None:
        with pytest.raises((EncodeError, EventError)) as caught:
            encode({'protocol': 'mega', 'version': 1, 'event': {'timestamp': '2020-01-01'}})
        assert getattr(caught.value, 'path', None) == 'event.name'

    def test_names_the_path_of_a_value_that_an_event_cannot_carry(self) -> None:
        with pytest.raises(EncodeError) as caught:
            encode(Payload.from_dict(document({'tags': [1, {2}]})))
        assert caught.value.path == 'event.attributes.tags[1]'

    def test_refuses_a_body_that_is_marked_but_is_not_an_event(self) -> None:
        with pytest.raises(EventError) as caught:
            decode('{"protocol":"mega","version":1,"event":{"name":"e"}}')
        assert caught.value.path == 'event.timestamp'

    @pytest.mark.parametrize('mark', ['Mega', '', None, 1, ['mega']], ids=repr)
    def test_an_object_with_another_protocol_is_data(self, mark: Any) -> None:
        payload = {'protocol': mark, 'event': 5}
        assert decode(encode(payload)) == payload


class TestEncodeErrors:
    @pytest.mark.parametrize('payload', [None, 5, 1.5, True, [], [{}], (), {1}, bytearray(b'x')])
    def test_a_value_that_is_not_a_payload(self, payload: Any) -> None:
        text = 'or an object of a dataclass, attrs, msgspec or pydantic class'
        with pytest.raises(EncodeError, match=text) as caught:
            encode(payload)
        assert caught.value.path == ''

    @pytest.mark.parametrize('empty', ['', b''], ids=repr)
    def test_empty_bodies(self, empty: str | bytes) -> None:
        with pytest.raises(EncodeError) as caught:
            encode(empty)
        assert caught.value.path == ''

    def test_a_text_with_binary_encoding(self) -> None:
        with pytest.raises(EncodeError):
            encode('text', binary_encoding=True)

    @pytest.mark.parametrize(
        'value',
        [float('nan'), float('inf'), float('-inf'), b'x', {1}, object(), 2**14284, '\ud83d\ude00',
         Colours(['red'])],
        ids=lambda value: repr(value)[:20],
    )  # fmt: skip
    def test_a_value_that_json_cannot_carry_with_its_path(self, value: Any) -> None:
        with pytest.raises(EncodeError) as caught:
            encode({'user': {'tags': ['a', 'b', value]}, 'z': object()})
        assert caught.value.path == 'user.tags[2]'
        assert 'user.tags[2]' in str(caught.value)

    @pytest.mark.parametrize('value', [b'x', {1}, float('nan')], ids=repr)
    def test_invalid_values_in_a_subclass_of_dict(self, value: Any) -> None:
        for payload in (OrderedDict(a=value), {'a': OrderedDict(b=value)}):
            with pytest.raises(EncodeError) as caught:
                encode(payload)
            assert caught.value.path in ('a', 'a.b')

    @pytest.mark.parametrize('key', [1, None, True, b'a', ('a',), 1.5], ids=repr)
    @pytest.mark.parametrize('binary', [False, True], ids=['json', 'bson'])
    def test_keys_that_are_not_text(self, key: Any, binary: bool) -> None:
        with pytest.raises(EncodeError) as caught:
            encode({'user': {key: 'x'}}, binary)
        assert caught.value.path.startswith('user')

    @pytest.mark.parametrize('binary', [False, True], ids=['json', 'bson'])
    def test_cycles(self, binary: bool) -> None:
        payload: dict[str, Any] = {'a': []}
        payload['a'].append(payload)
        with pytest.raises(EncodeError) as caught:
            encode(payload, binary)
        assert caught.value.path.startswith('a[0]')

    def test_do_not_change_the_payload(self) -> None:
        payload = {'a': (1, {'b': 2}), 'c': object()}
        before = dict(payload)
        with pytest.raises(EncodeError):
            encode(payload)
        assert payload == before

    def test_have_a_short_message_on_one_line(self) -> None:
        with pytest.raises(EncodeError) as caught:
            encode({'x\n' * 10_000: {1}})
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500
