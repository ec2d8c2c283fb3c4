"""The XML bodies of S3: requests and responses in the shapes of boto3.

The service model writes most lists without an element of their own: `<Rule>`, repeated, is the
member `Rules`. The tables of this module name these lists, and the types other than text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from mega.local.server.xml import Element, parse, text_of

__all__ = ('document', 'read_document')

NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

_FLATTENED = {
    'Contents': 'Contents',
    'CommonPrefixes': 'CommonPrefixes',
    'Deleted': 'Deleted',
    'Errors': 'Error',
    'NoncurrentVersionTransitions': 'NoncurrentVersionTransition',
    'Objects': 'Object',
    'Parts': 'Part',
    'Rules': 'Rule',
    'Transitions': 'Transition',
    'Uploads': 'Upload',
}
"""Lists whose members stand directly in the parent, with the name of the members."""

_WRAPPED = {'Buckets': 'Bucket', 'TagSet': 'Tag'}
"""Lists in an element of their own, with the name of the members."""

_MEMBERS = {element: member for member, element in _FLATTENED.items()}

_INTEGERS = frozenset(
    (
        'Days', 'DaysAfterInitiation', 'MaxKeys', 'NewerNoncurrentVersions', 'NoncurrentDays',
        'ObjectSizeGreaterThan', 'ObjectSizeLessThan', 'PartNumber',
    )
)  # fmt: skip
_BOOLEANS = frozenset(
    (
        'BlockPublicAcls', 'BlockPublicPolicy', 'BucketKeyEnabled', 'ExpiredObjectDeleteMarker',
        'IgnorePublicAcls', 'Quiet', 'RestrictPublicBuckets',
    )
)  # fmt: skip

_STRUCTURES = ('And', 'ApplyServerSideEncryptionByDefault', 'Filter')


def read_document(body: bytes) -> Any:
    """Return the value of a document's root.

    Raises:
        ValueError: for a body that is not XML, or a value that does not have its type.
    """
    return _value(parse(body))


def _value(element: Element) -> Any:
    if element.name in _WRAPPED:
        return [_value(child) for child in element.children]
    text = element.text
    if element.name in _INTEGERS:
        return int(text)
    if element.name in _BOOLEANS:
        return text.strip().lower() == 'true'
    if element.name == 'Date':
        return datetime.fromisoformat(text.strip().replace('Z', '+00:00'))
    # An element without children is either a text or an empty structure.
    return _members(element) if element.children or element.name in _STRUCTURES else text


def _members(element: Element) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for child in element.children:
        # In the conditions of a lifecycle rule, only `And` may have several tags.
        list_name = 'Tags' if (element.name, child.name) == ('And', 'Tag') else None
        list_name = list_name or _MEMBERS.get(child.name)
        if list_name:
            members.setdefault(list_name, []).append(_value(child))
        else:
            members[child.name] = _value(child)
    return members


def document(root: str, members: Mapping[str, Any] | str) -> bytes:
    """Return a document of a structure, or of a text. An error has no namespace."""
    content = ''.join(_written(members)) if isinstance(members, Mapping) else text_of(members)
    namespace = '' if root == 'Error' else f' xmlns="{NAMESPACE}"'
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{declaration}<{root}{namespace}>{content}</{root}>'.encode()


def _written(members: Mapping[str, Any]) -> Iterator[str]:
    for name, value in members.items():
        if name in _WRAPPED:
            inner = ''.join(_element(_WRAPPED[name], each) for each in value)
            yield f'<{name}>{inner}</{name}>'
        elif isinstance(value, list):
            element = 'Tag' if name == 'Tags' else _FLATTENED.get(name, name)
            yield from (_element(element, each) for each in value)
        else:
            yield _element(name, value)


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return f'<{name}>{"".join(_written(value))}</{name}>'
    if isinstance(value, datetime):
        moment = value.astimezone(timezone.utc).isoformat(timespec='milliseconds')
        value = moment.replace('+00:00', 'Z')
    return f'<{name}>{text_of(value)}</{name}>'
