"""Dispatch requests to operations, apply faults, and encode the responses."""

from __future__ import annotations

import json
import traceback
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import replace

from benchmarks.sqs_server.account import Account
from benchmarks.sqs_server.clock import Clock
from benchmarks.sqs_server.control import PATH, Control
from benchmarks.sqs_server.errors import AwsError, internal_error
from benchmarks.sqs_server.faults import Fault, FaultPlan
from benchmarks.sqs_server.operations import Object
from benchmarks.sqs_server.polling import Cancel, Polls
from benchmarks.sqs_server.sns import Sns
from benchmarks.sqs_server.sqs import Sqs
from benchmarks.sqs_server.transport import Request
from benchmarks.sqs_server.wire import GARBAGE, RESET, JsonWire, QueryWire, Reply, Wire

__all__ = ('Application',)


SLOWNESS = 0.2
"""The time, in seconds, between the two parts of a slow response."""


class Application:
    """The server without the network."""

    def __init__(self, loop: AbstractEventLoop, base_url: str) -> None:
        self._clock = Clock(loop.time)
        self._polls = Polls(loop, self._clock)
        self._account = Account(self._clock, self._polls.wake)
        self._plan = FaultPlan()
        self._control = Control(self._account, self._plan, base_url, self._advance)
        self._sqs = Sqs(self._account, self._polls, base_url), JsonWire()
        self._sns = Sns(self._account), QueryWire()

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
        wire: Wire = self._sqs[1] if request.target else self._sns[1]
        try:
            return self._perform(request, wire, answer)
        except AwsError as error:
            answer(wire.write_error(error))
        except Exception:
            traceback.print_exc()
            answer(wire.write_error(internal_error()))
        return None

    def _perform(
        self, request: Request, wire: Wire, answer: Callable[[Reply], None]
    ) -> Cancel | None:
        service = self._sqs[0] if request.target else self._sns[0]
        parameters = wire.read(request.body)
        operation = request.target.rpartition('.')[2] or str(parameters.get('Action'))
        self._account.calls[operation] += 1
        failing = self._plan.for_call(operation)
        fault = failing.fault
        if fault and not fault.has_effect:
            answer(_faulty_reply(fault, wire, wire.write(operation, {})))
            return None

        def finish(result: Object) -> None:
            reply = wire.write(operation, result)
            answer(_faulty_reply(fault, wire, reply) if fault else reply)

        return service.perform(operation, parameters, failing.next_entry, finish)

    def _control_reply(self, body: bytes) -> Reply:
        try:
            status, result = 200, self._control.perform(json.loads(body))
        except (AwsError, LookupError, TypeError, ValueError) as error:
            status, result = 400, {'error': f'{type(error).__name__}: {error}'}
        return Reply(status, 'application/json', json.dumps(result).encode())


def _faulty_reply(fault: Fault, wire: Wire, proper: Reply) -> Reply:
    """Return the response of a call with a fault, in place of the proper one."""
    if fault.is_reset:
        return RESET
    if fault.is_garbage:
        return GARBAGE
    if fault.is_truncated:
        return replace(proper, is_cut=True)
    if fault is Fault.SLOW_AFTER:
        return replace(proper, pause=SLOWNESS)
    errors = {
        Fault.THROTTLED: wire.throttled,
        Fault.MISSING: wire.missing,
        Fault.EXPIRED: AwsError('ExpiredToken', 'The security token is expired', 403),
        Fault.UNAVAILABLE: internal_error('ServiceUnavailable', 503),
    }
    return wire.write_error(errors.get(fault, internal_error()))
