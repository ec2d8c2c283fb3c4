"""Control a running server over HTTP."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

from mega.local.faults import Faults, Step, step_to
from mega.local.server.json_protocol import decode_binary_value
from mega.local.state import REGION

__all__ = ('Accepted', 'Counts', 'Credentials', 'Server')


class Credentials(TypedDict):
    """The keyword arguments with which an AWS client connects to the server."""

    aws_access_key_id: str
    aws_secret_access_key: str
    region_name: str
    endpoint_url: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that the server accepted, even if its sender received no response.

    `destination` is an ARN, `at` is in seconds since the epoch, and attributes are in AWS's form.
    The server accepts a FIFO duplicate, as AWS does, and never delivers it.
    """

    destination: str
    message_id: str
    body: str
    attributes: dict[str, dict[str, Any]]
    group_id: str | None
    deduplication_id: str | None
    delay_seconds: int | None
    subject: str | None
    sequence_number: str | None
    is_duplicate: bool
    at: float

    @classmethod
    def from_json(cls, json: dict[str, Any]) -> Accepted:
        for attribute in json['attributes'].values():
            decode_binary_value(attribute)
        return cls(**json)


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of calls by operation, of injected faults, and of accepted messages.

    `faults` counts calls by the value of `Fault` or their code, and failed entries by their code.
    """

    calls: dict[str, int]
    faults: dict[str, int]
    accepted: int


class Server:
    """A running server. Threads may share it.

    `certificate` is the file that a client of an HTTPS server must trust; None for HTTP.
    """

    def __init__(self, endpoint_url: str, certificate: Path | None = None) -> None:
        self.endpoint_url = endpoint_url
        self.certificate = certificate

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if self.certificate:
            context = ssl.create_default_context(cafile=self.certificate)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers)

    @property
    def credentials(self) -> Credentials:
        """The keyword arguments for boto3, publishers and listeners to connect to this server."""
        return {
            'aws_access_key_id': 'testing',
            'aws_secret_access_key': 'testing',
            'region_name': REGION,
            'endpoint_url': self.endpoint_url,
        }

    def create_queue(self, name: str, fifo: bool = False, **attributes: object) -> str:
        """Create a queue, and return its URL. A FIFO queue's name gets the suffix `.fifo`."""
        attributes = {**attributes, **({'FifoQueue': True} if fifo else {})}
        answer = self._control('create_queue', **_resource(name, fifo, attributes))
        return str(answer['queue_url'])

    def create_topic(self, name: str, fifo: bool = False, **attributes: object) -> str:
        """Create a topic, and return its ARN. A FIFO topic's name gets the suffix `.fifo`."""
        attributes = {**attributes, **({'FifoTopic': True} if fifo else {})}
        answer = self._control('create_topic', **_resource(name, fifo, attributes))
        return str(answer['topic_arn'])

    def configure(
        self,
        *,
        latency_ms: float | None = None,
        faults: Faults | None = None,
    ) -> None:
        """Change the given settings. Faults, even equal ones, restart without a script."""
        shares = None if faults is None else asdict(faults)
        self._control('configure', latency_ms=latency_ms, faults=shares)

    def script(self, *steps: Step, operation: str | None = None) -> None:
        """Apply one step to each of the next calls.

        The steps apply to calls of `operation`, or to all calls except `Create*` and `Get*`.
        """
        self._control('script', steps=[step_to(step) for step in steps], operation=operation)

    def advance(self, seconds: float) -> None:
        """Let time pass at once, for visibility timeouts, delays and deduplication.

        Receives that wait are served with the messages that appear. Their own wait time goes on.
        """
        self._control('advance', seconds=seconds)

    def accepted(self, after: int = 0) -> list[Accepted]:
        """Return the accepted messages in order, without the first `after` messages."""
        messages: list[Accepted] = []
        while page := self._control('accepted', after=after + len(messages))['accepted']:
            messages += map(Accepted.from_json, page)
        return messages

    def forget(self) -> None:
        """Forget what was accepted until now: what a queue has, it has."""
        self._control('forget')

    def counts(self) -> Counts:
        """What happened since the start or the last reset. Control calls do not count."""
        return Counts(**self._control('counts'))

    def reset(self) -> None:
        """Be as at the start, without faults, queues and topics; the latency stays.

        A queue made anew with the same name has the same URL, a topic the same ARN.
        """
        self._control('reset')

    def _control(self, action: str, **parameters: object) -> dict[str, Any]:
        body = json.dumps({'action': action, **parameters}).encode()
        try:
            with self._opener.open(f'{self.endpoint_url}/_control', body, timeout=60) as answer:
                result: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                raise ValueError(json.load(refused)['error']) from None
        return result


def _resource(name: str, fifo: bool, attributes: Mapping[str, object]) -> dict[str, object]:
    return {
        'name': f'{name.removesuffix(".fifo")}.fifo' if fifo else name,
        'attributes': {key: _text(value) for key, value in attributes.items()},
    }


def _text(value: object) -> str:
    """Return a value as AWS encodes it in attributes: `true`, `1024`, or an object as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
