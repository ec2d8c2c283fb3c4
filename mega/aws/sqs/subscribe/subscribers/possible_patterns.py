"""Compile the declarations of a subscriber class, and refuse those that can never match.

For example, `DataSubscriber.pattern = 'x'` matches no object, and `event_version = '1'` no event:
the version of an event is an int.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mega.aws.sqs.metadata import METADATA_TYPES, UNKNOWN_METADATA
from mega.aws.sqs.subscribe.subscribers.declaration import EVENT_FIELDS, find_declared
from mega.codec._payload_type import StreamedPayload
from mega.errors import ConfigurationError, PatternError, join_path
from mega.event import Payload
from mega.event.declaration import EventDeclaration
from mega.event.fields import annotations_of, keys_of, unwrap_class
from mega.match.explanation import explain
from mega.match.feasibility import Shape, find_impossible
from mega.match.functions import one_of
from mega.match.pattern import Object, Pattern, compile_pattern

__all__ = (
    'EVENT_SHAPE',
    'PAYLOAD_SHAPES',
    'add_declared_event',
    'compile_fields',
    'compile_for_messages',
    'compile_for_payloads',
    'event_shape',
    'shape_of',
)

_EVENT_FIELDS: Mapping[str, Shape] = {
    'name': str,
    'domain': str,
    'version': int,
    'timestamp': str,
    'subject': str,
    'publisher': str,
}

_OBJECT_FIELDS: Mapping[str, Shape] = {'type': str, 'version': int, 'id': str}


def event_shape(attributes: Shape, state: Shape) -> Mapping[str, Shape]:
    """Return the types in the normal form of an event, which patterns test.

    `attributes` and `state` are the types of its attributes, and of the states of its object.
    """
    return {
        'protocol': str,
        'version': int,
        'event': {**_EVENT_FIELDS, 'attributes': attributes},
        'object': {**_OBJECT_FIELDS, 'current': state, 'previous': state},
        'extra': dict,
    }


EVENT_SHAPE = event_shape(dict, dict)

PAYLOAD_SHAPES: Mapping[type, Shape] = {
    Payload: EVENT_SHAPE,
    dict: dict,
    str: str,
    bytes: bytes,
    StreamedPayload: StreamedPayload,
}
"""The types that patterns test, for each class of payloads."""


def shape_of(annotation: Any) -> Shape:
    """Return the keys that an object of a class may have; `dict` if they are not known.

    The types of values are not known: a typed subscriber also accepts a number as text.
    """
    shape = _shape_of(annotation, ())
    return shape if isinstance(shape, Mapping) else dict


def _shape_of(annotation: Any, within: tuple[type, ...]) -> Shape:
    """Return the shape of a class; `object` for another annotation. `within` are outer classes."""
    cls = unwrap_class(annotation)
    if cls is None or cls in within or _may_have_other_keys(cls):
        return object
    annotations = annotations_of(cls)
    shape = {
        key: _shape_of(annotations[name], (*within, cls))
        for name, keys in keys_of(cls).items()
        for key in keys
    }
    config = getattr(cls, '__struct_config__', None)
    return shape if config is None or config.tag is None else {**shape, config.tag_field: object}


def _may_have_other_keys(cls: type) -> bool:
    """Return whether a model of pydantic keeps the keys that are not its fields."""
    config = getattr(cls, 'model_config', None)
    return isinstance(config, dict) and config.get('extra') == 'allow'


def compile_for_payloads(
    cls: Any, name: str, declared: object, shapes: Mapping[type, Shape]
) -> Pattern:
    """Return the pattern that a class declares for whole payloads, whose types are known.

    Raises:
        PatternError: for an invalid pattern, and for a pattern that can never match.
    """
    path = join_path(cls.__name__, name)
    pattern = compile_pattern(declared, path)
    possible = [shape for kind, shape in shapes.items() if issubclass(kind, cls.payload_classes)]
    _check_possible(pattern, possible, path)
    return pattern


def compile_for_messages(cls: type) -> Pattern | None:
    """Return the pattern that a class declares for the metadata of messages, if there is one.

    Raises:
        PatternError: for an invalid pattern, and for a pattern that can never match.
    """
    if (found := find_declared(cls, 'message_pattern')) is None:
        return None
    path = join_path(cls.__name__, found[0])
    pattern = compile_pattern(found[1], path)
    if isinstance(pattern, Object):
        for name, child in pattern.entries:
            _check_metadata(name, child, join_path(path, name))
    _check_possible(pattern, [METADATA_TYPES], path)
    return pattern


def _check_metadata(name: str, pattern: Pattern, path: str) -> None:
    """Check the pattern of one key of metadata. An attribute is a text or bytes."""
    if name not in METADATA_TYPES:
        raise PatternError(path, pattern, UNKNOWN_METADATA)
    if METADATA_TYPES[name] is dict and isinstance(pattern, Object):
        for attribute, leaf in pattern.entries:
            is_impossible = find_impossible(leaf, str) and find_impossible(leaf, bytes)
            if is_impossible and leaf.when_missing is not True:
                problem = 'can never match: an attribute is a text or bytes; a number is a text'
                raise PatternError(join_path(path, attribute), leaf, problem)


def compile_fields(
    cls: type, fields: Mapping[str, tuple[str, ...]], shape: Shape
) -> dict[str, Pattern]:
    """Return the patterns that a class declares for the fields of an object of a shape.

    Raises:
        PatternError: for an invalid pattern, and for a pattern that can never match.
    """
    assert isinstance(shape, Mapping)
    patterns = {}
    for field, names in fields.items():
        if declared := find_declared(cls, *names):
            path = join_path(cls.__name__, declared[0])
            patterns[field] = compile_pattern(declared[1], path)
            if patterns[field].when_missing is not True:  # a field may be missing
                _check_possible(patterns[field], [shape[field]], path)
    return patterns


def add_declared_event(cls: type, declared: EventDeclaration, patterns: dict[str, Pattern]) -> None:
    """Add the name, the domain and the versions of an event to the patterns of a subscriber.

    Raises:
        ConfigurationError: for a pattern of the subscriber that contradicts the event.
    """
    values: dict[str, list[Any]] = {'name': [declared.name], 'version': declared.versions}
    if declared.domain is not None:
        values['domain'] = [declared.domain]
    for field, possible in values.items():
        pattern = patterns.get(field)
        accepted = [each for each in possible if pattern is None or explain(each, pattern)]
        if not accepted:
            found = find_declared(cls, *EVENT_FIELDS[field])
            assert found is not None
            problem = f'contradicts the class of its events, whose {field} is {possible[-1]!r}'
            remedy = 'remove the attribute, or use another class'
            raise ConfigurationError(f'{cls.__name__}.{found[0]} {problem}: {remedy}')
        patterns[field] = compile_pattern(one_of(*accepted) if len(accepted) > 1 else accepted[0])


def _check_possible(pattern: Pattern, shapes: Sequence[Shape], path: str) -> None:
    """Check that a pattern can match a value of one of the shapes."""
    found = [find_impossible(pattern, shape, path) for shape in shapes]
    if not found or None in found:
        return
    [(where, part, reason), *others] = filter(None, found)
    if others:
        where, part, reason = path, pattern, 'no payload has such a value'
    remedy = 'correct the pattern, or choose the field or the class of subscriber for its values'
    raise PatternError(where, part, f'can never match: {reason}; {remedy}')
