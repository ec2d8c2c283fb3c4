"""Schemas of the payloads of a service, for its documentation and for other languages.

    to_json_schema(ItemAdded)       JSON Schema 2020-12 of the payloads of a class
    to_asyncapi(listener)           AsyncAPI 3 of a listener: its queue, subscribers and messages

    class_schemas.py     classes with fields -> JSON Schema, by msgspec and pydantic
    message_types.py     the messages of a subscriber, and of published objects
    payload_schemas.py   a message type -> JSON Schema of its payload
    asyncapi.py          a listener -> an AsyncAPI document
    subschemas.py        changes within a JSON Schema

A schema describes payloads as publishers write them in JSON. Subscribers also accept other forms: a
number as text, and a time without a zone.
"""

from __future__ import annotations

from mega.schema.asyncapi import to_asyncapi
from mega.schema.payload_schemas import to_json_schema

__all__ = ('to_asyncapi', 'to_json_schema')
