"""A session whose clients and resources of SQS store large bodies in S3."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from mega.aws.extended.client import ExtendedClient
from mega.aws.s3.pointer import MAX_BODY_BYTES
from mega.aws.s3.store import S3PayloadStore

__all__ = ('ExtendedSession', 'extend_sqs')

_EXTENDED_METHODS = {
    'Queue': ('send_message', 'send_messages', 'receive_messages', 'delete_messages'),
    'Message': ('delete',),
}
"""The methods of resources that aws-sqs-ext-client extends, with `_extended` behind the name."""


class ExtendedSession:
    """A boto3 session whose clients and resources of SQS store large bodies in S3.

    `client('sqs')` returns an `ExtendedClient`. `resource('sqs')` returns a resource of boto3 that
    works through an `ExtendedClient`, as do its queues and messages. Everything else comes from
    `session`, which remains unchanged.
    """

    def __init__(self, session: Any, store: S3PayloadStore) -> None:
        self._session = session
        self._store = store
        self._resources = _with_extended_names(session)

    def client(self, service_name: str, *arguments: Any, **options: Any) -> Any:
        """Return a client, with the parameters of boto3's `Session.client`."""
        client = self._session.client(service_name, *arguments, **options)
        return ExtendedClient(client, self._store) if service_name == 'sqs' else client

    def resource(self, service_name: str, *arguments: Any, **options: Any) -> Any:
        """Return a resource, with the parameters of boto3's `Session.resource`."""
        if service_name != 'sqs':
            return self._session.resource(service_name, *arguments, **options)
        resource = self._resources.resource(service_name, *arguments, **options)
        return type(resource)(client=ExtendedClient(resource.meta.client, self._store))

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, '_session'), name)


def extend_sqs(
    session: Any,
    s3_bucket_name: str,
    always_through_s3: bool = False,
    message_size_threshold: int = 262_144,
    s3_bucket_params: Mapping[str, Any] | None = MappingProxyType({}),
) -> ExtendedSession:
    """Return a session like `session`, whose clients and resources of SQS use a bucket.

    `extend_sqs` of aws-sqs-ext-client has the same parameters. Bodies are deleted with their
    messages, and may have up to 2 GiB. For other settings, use `ExtendedSession` with a store.

    `s3_bucket_params` are parameters of CreateBucket, with which the bucket is created unless it
    exists. With None, no request is sent, and the bucket must exist.

    Raises:
        ConfigurationError: for an invalid name or threshold.
        TransportError: if the bucket could not be created.
    """
    store = S3PayloadStore(
        s3_bucket_name,
        threshold=message_size_threshold,
        always=always_through_s3,
        max_payload=MAX_BODY_BYTES,
        delete=True,
        session=session,
    )
    if s3_bucket_params is not None:
        store.create_missing_bucket(s3_bucket_params)
    return ExtendedSession(session, store)


def _with_extended_names(session: Any) -> Any:
    """Return a copy of a session, whose resources have the methods of the names `..._extended`.

    boto3 creates the classes of resources for each session, and lets handlers add attributes. The
    copy has its own handlers, so that the resources of the given session remain unchanged.
    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/events.html
    """
    events = copy.copy(session.events)
    for kind, methods in _EXTENDED_METHODS.items():
        events.register(f'creating-resource-class.sqs.{kind}', partial(_add_names, methods))
    extended = copy.copy(session)
    extended.resource_factory = type(session.resource_factory)(events)
    return extended


def _add_names(
    methods: tuple[str, ...], class_attributes: dict[str, Any], **context: object
) -> None:
    for name in methods:
        class_attributes[f'{name}_extended'] = class_attributes[name]
