"""`mega schema` as a user calls it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mega.codec import encode
from tests import fork_server
from tests.cli.command import mega
from tests.schema.test_asyncapi import OFFICIAL

WORKER = """
from dataclasses import dataclass

from mega.aws.lambda_ import LambdaHandler
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener, TextSubscriber
from mega.event import event

@event('order.placed')
@dataclass
class OrderPlaced:
    id: str

@dataclass
class Order:
    id: str

class Orders(DataSubscriber[Order]):
    pattern = {'id': '\\u202e'}
    def process(self, payload): ...

class Texts(TextSubscriber):
    def process(self, payload): ...

def listen_to(*subscribers):
    return SqsListener('https://sqs.eu-west-1.amazonaws.com/123456789012/orders', subscribers)

@dataclass
class Stock:
    sku: str

class OfStock:
    class Orders(DataSubscriber[Stock]):
        def process(self, payload): ...

orders, texts = listen_to(Orders, Texts), listen_to(Texts)
audits = listen_to(Orders, OfStock.Orders)
handler = LambdaHandler([Orders])
"""

NO_CLASS = "no attribute 'Nothing' (classes in the module: OrderPlaced, Order, Orders, Texts, "

TOPIC = 'arn:aws:sns:eu-west-1:123456789012:orders'


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / 'schema_worker.py').write_text(WORKER)
    return f'{tmp_path}/schema_worker.py'


def test_the_document_of_a_listener_is_printed_as_json(file: str) -> None:
    result = mega('schema', f'{file}:orders')
    assert (result.code, result.err) == (0, '')
    OFFICIAL.validate(result.json())
    assert [*result.json()['operations']] == ['Orders', 'Texts']
    assert result.json() == mega('schema', f'{file}:orders', '-o', 'json').json()
    [document] = mega('schema', f'{file}:orders', '-o', 'jsonl').lines()
    assert document == result.json()
    assert '\u202e' not in result.out  # cannot change the direction of text in a terminal


def test_published_classes_are_in_the_document(file: str) -> None:
    published = (
        '--publishes',
        f'{TOPIC}={file}:Order',
        '--publishes',
        f'{TOPIC}={file}:OrderPlaced',
    )
    document = mega('schema', f'{file}:orders', *published).json()
    OFFICIAL.validate(document)
    messages = document['operations']['publish.orders_2']['messages']
    assert [each['$ref'].rpartition('/')[2] for each in messages] == ['Order', 'OrderPlaced']
    # The file is imported once: the received and the published `Order` are one class.
    assert [*document['components']['messages']] == ['Order', 'Text', 'OrderPlaced']


def test_the_title_and_the_version_can_be_given(file: str) -> None:
    arguments = ('--title', 'Shop', '--api-version', '2.0.0')
    document = mega('schema', f'{file}:texts', *arguments).json()
    assert document['info'] == {'title': 'Shop', 'version': '2.0.0'}


def test_json_schema_has_the_schema_of_each_typed_subscriber(file: str) -> None:
    schemas = mega('schema', f'{file}:orders', '--format', 'json-schema').json()
    assert [*schemas] == ['Orders']
    Draft202012Validator(schemas['Orders']).validate(json.loads(encode({'id': '5'})))
    assert not Draft202012Validator(schemas['Orders']).is_valid({'id': 5})


def test_typed_subscribers_of_one_name_each_have_their_schema(file: str) -> None:
    schemas = mega('schema', f'{file}:audits', '--format', 'json-schema').json()
    assert [*schemas] == ['Orders', 'Orders_2']
    assert Draft202012Validator(schemas['Orders']).is_valid({'id': '5'})
    assert Draft202012Validator(schemas['Orders_2']).is_valid({'sku': '5'})
    assert not Draft202012Validator(schemas['Orders_2']).is_valid({'id': '5'})


def test_a_handler_of_lambda_is_refused_by_its_class(file: str) -> None:
    result = mega('schema', f'{file}:handler')
    assert (result.code, result.out) == (3, '')
    expected = f"Error: '{file}:handler' is a LambdaHandler: this command needs an SqsListener\n"
    assert result.err == expected


def test_python_m_mega_schema_is_the_same_command(file: str) -> None:
    program = ['-m', 'mega.schema', f'{file}:orders']
    ended = fork_server.run(program, dict(os.environ), timeout=60)
    assert (ended.returncode, ended.stderr) == (0, '')
    assert ended.stdout == mega('schema', f'{file}:orders').out


@pytest.mark.parametrize(
    ('arguments', 'code', 'words'),
    [
        (['--publishes', 'x'], 2, 'must be DEST=CLASS'),
        (['--publishes', '=x:Y'], 2, 'must be DEST=CLASS'),
        (['--publishes', 'orders=FILE:Order'], 2, 'pass the ARN of a topic'),
        (['--publishes', f'{TOPIC}=FILE:orders'], 3, 'not a class'),
        (['--publishes', f'{TOPIC}=FILE'], 3, 'name a class in it'),
        (['--publishes', f'{TOPIC}=FILE:Nothing'], 3, NO_CLASS),
        (['--publishes', f'{TOPIC}=FILE:SqsListener'], 2, 'must be a class with fields'),
        (['--format', 'json-schema', '--title', 'x'], 2, 'are for AsyncAPI'),
    ],
    ids=str,
)
def test_wrong_use_is_one_line(file: str, arguments: list[str], code: int, words: str) -> None:
    given = [each.replace('FILE', file) for each in arguments]
    result = mega('schema', f'{file}:orders', *given)
    assert (result.code, result.out) == (code, '')
    assert words in result.err
    assert result.err.count('\n') == 1


def test_a_listener_without_typed_subscribers_has_no_json_schema(file: str) -> None:
    result = mega('schema', f'{file}:texts', '--format', 'json-schema')
    assert (result.code, result.out) == (1, '')
    assert 'no subscriber of' in result.err
