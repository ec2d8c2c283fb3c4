"""Every private name of boto3 and botocore in use: it is there, and does what is expected of it."""

from __future__ import annotations

import ast
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import botocore.session

import mega
from mega.aws._transport import botocore_private
from tests.aws.raw_server import boto3_client

URL = 'http://127.0.0.1:1'


def test_a_boto3_session_has_the_botocore_session_it_was_created_from() -> None:
    core: Any = botocore.session.get_session()
    assert botocore_private.botocore_session(boto3.Session(botocore_session=core)) is core
    assert botocore_private.botocore_session(object()) is None


def test_a_client_has_the_connection_pools_that_it_sends_with() -> None:
    with closing(boto3_client(URL)) as client:
        session, classes = botocore_private.http_session(client) or (None, {})
        assert classes.keys() == {'http', 'https'}
        assert hasattr(session, 'close')
    assert botocore_private.http_session(object()) is None


def test_a_handler_outside_of_botocore_observes_its_operation() -> None:
    with closing(boto3_client(URL)) as client:
        assert botocore_private.find_observer(client, 'receive_message') is None
        client.meta.events.register('before-call.sqs.SendMessage', lambda **event: None)
        assert botocore_private.find_observer(client, 'receive_message') is None
        found = botocore_private.find_observer(client, 'send_message')
        assert found == 'a handler receives before-call'


def test_the_functions_of_a_call_are_those_that_tracing_wraps() -> None:
    with closing(boto3_client(URL)) as client:
        functions = botocore_private.traceable_functions(client, 'receive_message')
        names = {name for _, name in functions}
        assert names == {'receive_message', '_make_api_call', 'make_request'}


def test_the_list_has_each_private_name_that_the_module_uses() -> None:
    source = Path(botocore_private.__file__).read_text()
    listed = {name.rpartition('.')[2] for name in botocore_private.PRIVATE_NAMES}
    assert private_attributes(source) | set(re.findall(r"'(_[a-z][a-z_]*)'", source)) == listed


def test_other_modules_use_no_private_name_of_botocore() -> None:
    names = {name.rpartition('.')[2] for name in botocore_private.PRIVATE_NAMES}
    for path in Path(mega.__file__).parent.rglob('*.py'):
        source = path.read_text()
        if path.name != 'botocore_private.py' and any(name in source for name in names):
            assert not private_attributes(source) & names, path


def private_attributes(source: str) -> set[str]:
    """The private attributes of other objects than `self`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and re.match('_[a-z]', node.attr)
        and not (isinstance(node.value, ast.Name) and node.value.id in ('self', 'cls'))
    }
