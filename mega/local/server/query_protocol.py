"""The Query protocol of SNS: forms as requests, XML as responses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from mega.local.errors import AwsError
from mega.local.rules import whole_number
from mega.local.server.json_protocol import decode_binary_value
from mega.local.server.messages import Reply, Request, next_request_id
from mega.local.server.protocol import Call
from mega.local.server.xml import text_of
from mega.local.sns.topics import missing_topic

__all__ = ('QueryProtocol',)

MAX_DEPTH = 16
"""The maximum number of parts in the name of a field. Parameters of SNS have up to eight."""

_SQS_VERSION = '2012-11-05'  # the clients of SQS used forms until 2023


class QueryProtocol:
    """The Query protocol: forms as requests, XML as responses."""

    throttled = AwsError('Throttled', 'Rate exceeded', 429)
    missing = missing_topic()

    _NAMESPACE = 'http://sns.amazonaws.com/doc/2010-03-31/'

    def read(self, request: Request) -> Call:
        """Read the parameters of a form: `A.member.1.B=c` is `{'A': [{'B': 'c'}]}`."""
        form = parse_qsl(request.body.decode('utf-8', 'replace'), keep_blank_values=True)
        try:
            parameters = {name: _from_tree(value) for name, value in _tree_of(form).items()}
        except (AttributeError, TypeError, ValueError):  # a name is a value and a structure, ...
            raise AwsError('MalformedQueryString', 'A parameter is not well-formed') from None
        if parameters.get('Version') == _SQS_VERSION:
            problem = 'This server reads requests of SQS in JSON only: use a newer client'
            raise AwsError('UnsupportedOperation', problem)
        return Call('sns', str(parameters.get('Action')), parameters)

    def write(self, call: Call, response: Mapping[str, Any]) -> Reply:
        name = call.operation
        result = f'<{name}Result>{_xml(response)}</{name}Result>'
        return self._reply(200, f'{name}Response', result, 'ResponseMetadata')

    def write_error(self, error: AwsError) -> Reply:
        fault = 'Sender' if error.sender_fault else 'Receiver'
        fields = {'Type': fault, 'Code': error.code, 'Message': error.message}
        return self._reply(error.status, 'ErrorResponse', f'<Error>{_xml(fields)}</Error>', '')

    def _reply(self, status: int, root: str, content: str, metadata: str) -> Reply:
        request_id = f'<RequestId>{next_request_id()}</RequestId>'
        if metadata:
            request_id = f'<{metadata}>{request_id}</{metadata}>'
        text = f'<{root} xmlns="{self._NAMESPACE}">{content}{request_id}</{root}>'
        return Reply(status, 'text/xml', text.encode())


def _tree_of(form: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the fields of a form as a tree of the parts of their names.

    Raises:
        AttributeError, TypeError: for a field that is both a value and a structure.
        ValueError: for a name with too many parts.
    """
    tree: dict[str, Any] = {}
    for name, value in form:
        if name.count('.') >= MAX_DEPTH:
            raise ValueError('a name has too many parts')
        *branches, leaf = name.split('.')
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
        if isinstance(node.get(leaf), dict):
            raise TypeError('a structure is also a value')
        node[leaf] = value
    return tree


def _from_tree(tree: Any) -> Any:
    """Return a parameter of a form, which is a text, a list, a map or a structure."""
    if not isinstance(tree, dict):
        return tree
    if 'member' in tree:
        return _numbered(tree['member'])
    if 'entry' in tree:
        # The fields of an entry are `key` and `value`, or `Name` and `Value`, in this order.
        entries = (sorted(entry.items()) for entry in _numbered(tree['entry']))
        return {key: value for (_, key), (_, value) in entries}
    return decode_binary_value({name: _from_tree(value) for name, value in tree.items()})


def _numbered(tree: Mapping[str, Any]) -> list[Any]:
    """Return the members of a list in a form, in the order of their numbers."""
    return [_from_tree(tree[number]) for number in sorted(tree, key=_to_number)]


def _to_number(text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise ValueError('the number of a member is not a number')
    return number


def _xml(value: Any, name: str = '') -> str:
    if isinstance(value, Mapping):
        if name == 'Attributes':  # the only map in responses of SNS
            fields = ({'key': key, 'value': text} for key, text in value.items())
            return ''.join(f'<entry>{_xml(each)}</entry>' for each in fields)
        return ''.join(f'<{key}>{_xml(each, key)}</{key}>' for key, each in value.items())
    if isinstance(value, list):
        return ''.join(f'<member>{_xml(each)}</member>' for each in value)
    return text_of(value)
