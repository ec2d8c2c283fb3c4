"""A client of SQS with boto3's methods, whose large bodies are in S3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mega.aws._messages.batch_response import read_batch_response
from mega.aws._messages.destinations import queue_name
from mega.aws._transport.errors import transport_error
from mega.aws.extended.receipt_handles import batch_without_pointers, entries_of, without_pointer
from mega.aws.extended.receiving import (
    Opened,
    describe_failure,
    fetch_bodies,
    fetch_message,
    missing_body,
    requested_attributes,
)
from mega.aws.extended.sending import Offloading, PreparedMessage, settle_batch, upload_bodies
from mega.aws.s3.pointer import Pointer
from mega.aws.s3.store import S3PayloadStore
from mega.errors import ConfigurationError, MegaError, PointerError, safe_repr
from mega.logging import about, get_logger

__all__ = ('ExtendedClient',)

_log = get_logger(__name__)


class ExtendedClient:
    """A boto3 client of SQS that stores large bodies in S3, and returns them from there.

    `client` is any boto3 client of SQS, and remains unchanged. The methods here have its parameters
    and its responses. All other methods and attributes come from `client`.

    `store` decides which bodies are offloaded and how, and which pointers are followed. These
    attributes begin with its settings, and may be changed at any time:

    - `always_through_s3`: offload every body.
    - `use_legacy_attribute`: write the pointer as the first extended clients did.
    - `delete_payload_from_s3`: delete a body after its message. Other queues with a message that
      points to the same body lose it, as after a fan-out from a topic.

    The body of a message is uploaded before the message is sent. If SQS refuses the message, the
    body is deleted again. `client` raises the errors of SQS.

    Safe to share among threads, as a boto3 client is.

    Raises:
        ConfigurationError: if `client` is not a client of SQS, or `store` is not a store.
    """

    __slots__ = (
        '_client',
        '_store',
        'always_through_s3',
        'delete_payload_from_s3',
        'use_legacy_attribute',
    )

    def __init__(self, client: Any, store: S3PayloadStore) -> None:
        if not hasattr(client, 'send_message_batch'):
            raise ConfigurationError(f'client={safe_repr(client)}: must be a boto3 client of SQS')
        if not isinstance(store, S3PayloadStore):
            problem = "must be an S3PayloadStore: S3PayloadStore('bucket')"
            raise ConfigurationError(f'store={safe_repr(store)}: {problem}')
        self._client = client
        self._store = store
        self.always_through_s3 = store.always
        self.use_legacy_attribute = store.legacy_attribute
        self.delete_payload_from_s3 = store.delete

    @property
    def large_payload_support(self) -> str:
        """The name of the bucket."""
        return self._store.bucket

    @property
    def s3_client(self) -> Any:
        """The boto3 client of S3 that the store uses."""
        return self._store.client

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, '_client'), name)

    def __repr__(self) -> str:
        return f'<ExtendedClient with the bucket {self._store.bucket!r}>'

    def send_message(self, **parameters: Any) -> dict[str, Any]:
        """Send a message. The message attribute `S3Key` chooses the key of a body in S3.

        Raises:
            EncodeError: for an attribute that announces a body in S3 or a compressed body. If the
                body is offloaded, also for an empty body, an invalid `S3Key`, and more than nine
                attributes (eight if the store compresses).
            PayloadTooLargeError: for a body of more than `max_payload` bytes.
            OffloadError: if S3 did not store the body. The message is not sent.
        """
        message = self._offloading(parameters).prepare(parameters)
        response = self._send([message], lambda: self._client.send_message(**message.sent))
        return message.with_digests(response)

    def send_message_batch(self, **parameters: Any) -> dict[str, Any]:
        """Send messages in one request. If their sum is too large, the largest are offloaded.

        Raises:
            EncodeError, PayloadTooLargeError: as `send_message`, for one of the entries.
            OffloadError: if S3 did not store one of the bodies. No message is sent.
        """
        entries = entries_of(parameters)
        messages = self._offloading(parameters).prepare_batch(entries)
        if entries:
            parameters = {**parameters, 'Entries': [message.sent for message in messages]}
        response = self._send(messages, lambda: self._client.send_message_batch(**parameters))
        return settle_batch(response, messages)

    def receive_message(self, **parameters: Any) -> dict[str, Any]:
        """Receive messages, with their bodies from S3. Compressed bodies are decompressed.

        A message whose body cannot be returned is not among `Messages`. It remains in the queue, an
        error is logged, and the response lists it under `Failed`: its `MessageId`, its
        `ReceiptHandle`, and `Code` and `Message` of the error. The other messages are returned.
        `on_missing` of the store decides about a message whose body does not exist.
        """
        names = requested_attributes(parameters.get('MessageAttributeNames'))
        request = {**parameters, 'MessageAttributeNames': names}
        response: dict[str, Any] = self._client.receive_message(**request)
        received = response.get('Messages', [])
        messages, failed = [], []
        for message, fetched in zip(received, fetch_bodies(self._store, received), strict=True):
            opened = self._on_missing(message, request) if fetched is None else fetched
            if isinstance(opened, MegaError):
                id, extra = message['MessageId'], _about(message, request)
                problem = 'message %s remains in the queue: %s'
                _log.error(problem, id, opened, code='message-remains', extra=extra)
                failed.append(describe_failure(message, opened))
            elif isinstance(opened, Exception):
                raise opened
            elif opened is not None:
                messages.append(opened)
        found = {'Messages': messages, 'Failed': failed}
        return {
            **{name: response[name] for name in response if name != 'Messages'},
            **{name: entries for name, entries in found.items() if entries},
        }

    def retrieve_message_body(self, message: Mapping[str, Any]) -> str:
        """Return the body of a message that another boto3 client has received.

        The message must have been received with `MessageAttributeNames=['All']`: an attribute
        announces a body in S3, and a compressed body. The body of any other message is returned as
        it is.

        Raises:
            PointerError: for a pointer that is invalid or not allowed, or a body of another size.
            OffloadError: if S3 does not return the body.
            DecodeError: for a compressed body that is invalid.
            ConfigurationError: for a body in zstd, if the package for it is missing.
        """
        opened = fetch_message(self._store, message)
        if opened is None:
            raise missing_body(message)
        body: str = opened['Body']
        return body

    def delete_message(self, **parameters: Any) -> dict[str, Any]:
        """Delete a message, and then its body if `delete_payload_from_s3` is set.

        Two kinds of bodies remain, are logged, and are left to a lifecycle rule of the bucket: one
        that this library stored for a message with another `QueueUrl`, and one that S3 does not
        delete.
        """
        request, pointer = without_pointer(parameters)
        response: dict[str, Any] = self._client.delete_message(**request)
        self._delete_body(pointer, request)
        return response

    def delete_message_batch(self, **parameters: Any) -> dict[str, Any]:
        """Delete messages. Then delete their bodies, except if SQS did not delete the message."""
        request, pointers = batch_without_pointers(parameters)
        response: dict[str, Any] = self._client.delete_message_batch(**request)
        ids = [entry['Id'] for entry in entries_of(request)]
        for result, pointer in zip(read_batch_response(response, ids), pointers, strict=True):
            if result.is_successful:
                self._delete_body(pointer, request)
        return response

    def change_message_visibility(self, **parameters: Any) -> dict[str, Any]:
        """Change the visibility timeout of a message."""
        request, _ = without_pointer(parameters)
        response: dict[str, Any] = self._client.change_message_visibility(**request)
        return response

    def change_message_visibility_batch(self, **parameters: Any) -> dict[str, Any]:
        """Change the visibility timeouts of messages."""
        request, _ = batch_without_pointers(parameters)
        response: dict[str, Any] = self._client.change_message_visibility_batch(**request)
        return response

    # The names of aws-sqs-ext-client.
    send_message_extended = send_message
    send_message_batch_extended = send_message_batch
    receive_message_extended = receive_message
    delete_message_extended = delete_message
    delete_message_batch_extended = delete_message_batch

    def _offloading(self, parameters: Mapping[str, Any]) -> Offloading:
        queue_url = parameters.get('QueueUrl')
        return Offloading(
            self._store,
            queue_url if isinstance(queue_url, str) else None,
            self.always_through_s3,
            self.use_legacy_attribute,
        )

    def _send(
        self, messages: Sequence[PreparedMessage], send: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        upload_bodies(messages)
        try:
            return send()
        except Exception as error:
            is_retriable = transport_error('SendMessage', error).retriable
            response = getattr(error, 'response', None) or {}
            for message in messages:
                if message.upload is not None:
                    message.upload.delete_unless_sent(is_retriable, response)
            raise

    def _on_missing(
        self, message: dict[str, Any], request: Mapping[str, Any]
    ) -> Opened | MegaError:
        """Apply the policy of the store to a message whose body does not exist."""
        error = missing_body(message)
        if self._store.on_missing == 'raise':
            return error
        if self._store.on_missing == 'raw':
            return message
        try:
            self._client.delete_message(
                QueueUrl=request['QueueUrl'], ReceiptHandle=message['ReceiptHandle']
            )
        except Exception as failure:  # of botocore
            return transport_error('DeleteMessage', failure)
        id, extra = message['MessageId'], _about(message, request)
        _log.warning('message %s is deleted: %s', id, error, code='body-missing', extra=extra)
        return None

    def _delete_body(self, pointer: Pointer | None, request: Mapping[str, Any]) -> None:
        if pointer is None or not self.delete_payload_from_s3:
            return
        try:
            self._store.check_allowed(pointer)
            if pointer.queue_url not in (None, request['QueueUrl']):
                # Any sender to a queue can name the body of a message that is in another queue.
                where = safe_repr(pointer.queue_url)
                raise PointerError(f'it is the body of a message of another queue: {where}')
        except PointerError as error:
            extra = about(bucket=pointer.bucket, key=pointer.key)
            problem = 'the body of a deleted message was not deleted: %s'
            _log.warning(problem, error, code='body-kept', extra=extra)
        else:
            self._store.remove(pointer)


def _about(message: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    return about(queue=queue_name(request['QueueUrl']), message_id=message['MessageId'])
