"""Dispatch requests to operations, apply faults, and encode the responses."""

from __future__ import annotations

import json
import time
import traceback
from asyncio import AbstractEventLoop
from collections.abc import Callable
from functools import partial

from mega.local.account import Account
from mega.local.clock import Clock
from mega.local.errors import AwsError, internal_error
from mega.local.faults import Fault, FaultPlan
from mega.local.operations import Object
from mega.local.server.control import PATH, Control
from mega.local.server.json_protocol import JsonProtocol, to_json
from mega.local.server.messages import GARBAGE, RESET, Reply, Request
from mega.local.server.polling import Cancel, Polls
from mega.local.server.protocol import WireProtocol
from mega.local.server.query_protocol import QueryProtocol
from mega.local.server.s3_protocol import S3Protocol

__all__ = ('Application',)

_MALFORMED = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the parameters of a control request may raise."""

SLOWNESS = 0.2
"""The time, in seconds, between the two parts of a slow response."""


class Application:
    """The server without the network."""

    def __init__(self, loop: AbstractEventLoop, base_url: str) -> None:
        self._clock = Clock(time.time(), loop.time)
        self._polls = Polls(loop, self._clock, lambda name: self._account.sqs.next_event(name))
        self._account = Account(self._clock, base_url, observer=self._polls)
        self._plan = FaultPlan()
        self._control = Control(self._account, self._plan, self._advance)
        self._json, self._query, self._s3 = JsonProtocol(), QueryProtocol(), S3Protocol()

    def configure(self, **settings: object) -> None:
        """Apply settings as `Control` accepts them."""
        self._control.perform({'action': 'configure', **settings})

    def _advance(self, seconds: float) -> None:
        self._clock.advance(seconds)
        self._polls.wake_all()

    def delay(self, request: Request) -> float:
        return 0 if request.path == PATH else self._control.latency_ms / 1_000

    def handle(self, request: Request, answer: Callable[[Reply], None]) -> Cancel | None:
        if request.path == PATH:
            answer(self._control_reply(request.body))
            return None
        protocol = self._protocol(request)
        try:
            return self._perform(request, protocol, answer)
        except AwsError as error:
            answer(protocol.write_error(error))
        except Exception:
            traceback.print_exc()
            answer(protocol.write_error(internal_error()))
        return None

    def _protocol(self, request: Request) -> WireProtocol:
        if request.target:
            return self._json
        is_form = request.method == 'POST' and request.path == '/' and not request.query
        return self._query if is_form else self._s3

    def _perform(
        self, request: Request, protocol: WireProtocol, answer: Callable[[Reply], None]
    ) -> Cancel | None:
        call = protocol.read(request)
        self._control.calls[call.operation] += 1
        failing = self._plan.for_call(call.operation)
        if failing.error:
            raise failing.error
        fault = failing.fault
        if fault and not fault.has_effect:
            answer(_faulty_reply(fault, protocol, protocol.write(call, {})))
            return None

        def finish(result: Object | AwsError) -> None:
            if isinstance(result, AwsError):
                answer(protocol.write_error(result))
                return
            reply = protocol.write(call, result)
            answer(_faulty_reply(fault, protocol, reply) if fault else reply)

        perform = partial(self._account.call, *call, failing.next_entry)
        if call.operation == 'ReceiveMessage':
            queue, wait = self._account.sqs.long_poll(call.parameters)
            return self._polls.receive(queue, wait, perform, finish)
        finish(perform())
        return None

    def _control_reply(self, body: bytes) -> Reply:
        try:
            status, result = 200, self._control.perform(json.loads(body))
        except (AwsError, *_MALFORMED) as error:
            status, result = 400, {'error': f'{type(error).__name__}: {error}'}
        return Reply(status, 'application/json', to_json(result))


def _faulty_reply(fault: Fault, protocol: WireProtocol, proper: Reply) -> Reply:
    """Return the response of a call with a fault, in place of the proper one."""
    replies = {
        'reset': RESET,
        'garbage': GARBAGE,
        'truncated': proper._replace(is_cut=True),
        'slow': proper._replace(pause=SLOWNESS),
    }
    errors = {
        Fault.THROTTLED: protocol.throttled,
        Fault.MISSING: protocol.missing,
        Fault.EXPIRED: AwsError('ExpiredToken', 'The security token is expired', 403),
        Fault.UNAVAILABLE: internal_error('ServiceUnavailable', 503),
    }
    error = errors.get(fault, internal_error())
    return replies.get(fault.kind) or protocol.write_error(error)
