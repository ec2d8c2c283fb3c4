"""The program of a child process: loads the target, listens, and reports to the parent.

    python -m mega.cli.listen.worker DESCRIPTOR SETTINGS

DESCRIPTOR is this side of the connection, and SETTINGS are `WorkerSettings` in JSON.

The main thread loads the target and listens. Another thread talks to the parent, also during a slow
import. The process stops when the parent asks for it, at SIGTERM, and when the parent has ended.
A stop interrupts the import of the target. Once the listener exists, it stops the listener.

The process is ready when SQS has answered a receive, or keeps the first one open as a long poll:
SQS refuses a receive that is not permitted, and no other call shows that permission. An open
receive proves nothing if SQS did not answer the checks before it, or if another receive failed.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from dataclasses import asdict
from selectors import EVENT_READ, PollSelector
from time import monotonic, sleep
from types import FrameType
from typing import NoReturn

import msgspec

from mega.aws._messages.destinations import queue_name
from mega.aws.sqs.subscribe.listener import SqsListener
from mega.aws.sqs.subscribe.runtime.signals import stop_on_signals
from mega.cli.exit_status import FAILURE, REFUSED, SUCCESS, TARGET, TargetError
from mega.cli.listen.exposition import Family
from mega.cli.listen.hook_metrics import collect_metrics
from mega.cli.listen.memory import resident_bytes
from mega.cli.listen.messages import (
    Connection,
    Drained,
    Failed,
    Inspected,
    InspectRequest,
    Ready,
    Receiving,
    Reported,
    StopRequest,
    WorkerSettings,
)
from mega.cli.listen.signals import SIGNALS
from mega.cli.listen.snapshot import Report
from mega.cli.listen.stacks import stacks
from mega.cli.listen.supervisor.places import KILL_MARGIN
from mega.cli.target import load_listener
from mega.errors import MegaError, TransportError, single_line
from mega.logging import about, get_logger

__all__ = ('Worker', 'main')

_REPORT_SECONDS = 1.0

_REFUSAL_SECONDS = 1.0
"""SQS refuses a first receive within this time. A receive that lasts longer is a long poll."""

_READINESS_CHECK_SECONDS = 0.05

_MAX_PROBLEM_LENGTH = 2_000

_log = get_logger('mega.cli.listen.worker')  # `__name__` is `__main__`


class Worker:
    """Runs one listener: `run` in the main thread, and `serve_parent` in another one."""

    def __init__(self, settings: WorkerSettings, connection: Connection) -> None:
        self._settings = settings
        self._connection = connection
        self._listener: SqsListener | None = None
        self._pid = os.getpid()
        self._is_loading = True
        self._is_stopping = self._is_ready = False
        self._receives_since: float | None = None
        self._next_report = 0.0
        self._metrics: tuple[Family, ...] = ()
        self._has_metrics_error = False
        self._report_lock = threading.Lock()

    def run(self) -> int:
        """Load the target, and listen until a stop. Return the exit code of the process."""
        error: Exception | None = None
        try:
            self._receive_signals()
            error = self._load_and_listen()
        except KeyboardInterrupt:
            if self._listener is not None:
                raise  # by a subscriber
        finally:
            self._is_loading = False
            self._report()
        if error is None:
            return SUCCESS
        extra = about(target=self._settings.target)
        _log.debug('the traceback of the error', exc_info=error, extra=extra)
        self._connection.send(_failed(error))
        return FAILURE

    def _load_and_listen(self) -> Exception | None:
        """Return the error that prevents the listener from working, after a stop None."""
        try:
            self._listener = self._load()
            with self._listener as listener:
                if not self._is_stopping:
                    self._listen(listener)
        except (MegaError, TargetError) as error:
            return error
        return None

    def _load(self) -> SqsListener:
        settings = self._settings
        settings.logs.apply(settings.app_dir)
        listener = load_listener(settings.target, settings.app_dir)
        changes = {
            'queue_url': settings.queue_url,
            'concurrency': settings.concurrency,
            'grace_period': settings.grace_period,
        }
        if any(value is not None for value in changes.values()):
            listener = listener.with_settings(**changes)  # type: ignore[arg-type]
        return listener

    def _listen(self, listener: SqsListener) -> None:
        def on_ready() -> None:
            grace_period = listener._settings.grace_period
            self._connection.send(Receiving(grace_period, queue_name(listener.queue_url)))
            self._receives_since = monotonic()

        if not self._settings.drains:
            listener.listen(on_ready)
            return
        with stop_on_signals(self._stop):
            listener.drain(on_ready=on_ready)
        if not self._is_stopping:
            self._connection.send(Drained())

    # Stop

    def _receive_signals(self) -> None:
        """Stop at SIGTERM, and leave the other signals to the parent.

        A terminal sends them to all processes of the command. They are ignored, not handled, so
        that the programs that a subscriber runs ignore them as well, and can end their work.
        """
        for number in set(SIGNALS) - {signal.SIGTERM, signal.SIGCHLD}:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._handle_sigterm)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # `blocked_signals` blocked them

    def _handle_sigterm(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a process that a subscriber forked is not a listener
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self._is_stopping = True
        if self._listener is not None:
            self._listener.stop()
        elif self._is_loading:
            self._is_loading = False  # a second signal does not interrupt the end of the process
            raise KeyboardInterrupt

    def _stop(self) -> None:
        """Stop as at SIGTERM, from another thread."""
        self._is_stopping = True
        if self._listener is not None:
            self._listener.stop()
        else:
            main_thread = threading.main_thread().ident
            assert main_thread
            signal.pthread_kill(main_thread, signal.SIGTERM)

    # The other thread

    def serve_parent(self) -> None:
        """Report to the parent, and handle its messages, until it ends."""
        with PollSelector() as selector:
            selector.register(self._connection, EVENT_READ)
            while not self._connection.is_closed_by_peer:
                selector.select(_REPORT_SECONDS if self._is_ready else _READINESS_CHECK_SECONDS)
                self._check_readiness()
                for message in self._connection.receive():
                    if isinstance(message, StopRequest):
                        self._stop()
                    elif isinstance(message, InspectRequest):
                        self._connection.send(Inspected(self._description()))
                if self._is_ready or self._is_report_due():
                    self._report()

    def end_without_parent(self) -> None:
        """Stop gracefully. The parent would kill a process that does not end in time."""
        self._stop()
        problem = 'the command has ended: this process stops gracefully'
        _log.warning(problem, code='command-ended', extra=about(target=self._settings.target))
        grace_period = 0.0 if self._listener is None else self._listener._settings.grace_period
        sleep(grace_period + KILL_MARGIN)
        os._exit(FAILURE)

    def _check_readiness(self) -> None:
        """Tell the parent once that the process is ready."""
        if self._is_ready or self._listener is None or self._receives_since is None:
            return
        activity = self._listener.activity()
        has_waited = monotonic() >= self._receives_since + _REFUSAL_SECONDS
        if activity.receive_age is not None or (activity.is_connected and has_waited):
            self._connection.send(Ready())
            self._is_ready = True

    def _is_report_due(self) -> bool:
        """Return whether to report the receives of a process that is not ready."""
        now = monotonic()
        if self._receives_since is None or now < self._next_report:
            return False
        self._next_report = now + _REPORT_SECONDS
        return True

    def _report(self) -> None:
        """Send a report, if there is a listener. A report never arrives after a newer one."""
        if self._listener is not None:
            with self._report_lock:
                self._send_report(self._listener)

    def _send_report(self, listener: SqsListener) -> None:
        activity = listener.activity()
        report = Report(
            stats=asdict(listener.stats()),
            is_receiving=activity.is_receiving,
            loop_age=activity.loop_age or 0.0,
            receive_age=activity.receive_age,
            wait_time_seconds=listener.wait_time_seconds,
            resident_bytes=resident_bytes(),
            in_flight=activity.in_flight,
        )
        if self._settings.reports_metrics:
            self._collect_metrics(listener)
        self._connection.send(Reported(report, self._metrics))

    def _collect_metrics(self, listener: SqsListener) -> None:
        try:
            self._metrics = collect_metrics(listener._hooks.all)
        except Exception as error:  # of a collector of the application: the last metrics remain
            if not self._has_metrics_error:
                self._has_metrics_error = True
                problem = 'the metrics of the application cannot be collected'
                extra = about(target=self._settings.target, error=type(error).__name__)
                _log.warning(problem, exc_info=error, code='metrics-failed', extra=extra)

    def _description(self) -> str:
        """Return the counters and the stacks of this process, as lines."""
        stats = {} if self._listener is None else asdict(self._listener.stats())
        counters = ', '.join(f'{name} {value}' for name, value in stats.items() if value)
        head = f'process {os.getpid()} ({self._settings.target}): {counters or "no messages"}'
        return f'{head}\n{stacks()}'


def _failed(error: Exception) -> Failed:
    exit_code = REFUSED if isinstance(error, TransportError) else TARGET
    return Failed(single_line(str(error), _MAX_PROBLEM_LENGTH), exit_code)


def _serve_parent(worker: Worker) -> None:
    worker.serve_parent()
    worker.end_without_parent()


def main() -> NoReturn:
    """Run the program with the arguments of the process, and exit."""
    descriptor, settings = sys.argv[1:]
    os.set_inheritable(int(descriptor), False)
    connection = Connection(socket.socket(fileno=int(descriptor)))
    worker = Worker(msgspec.json.decode(settings, type=WorkerSettings), connection)
    threading.Thread(target=_serve_parent, args=[worker], name='mega-parent', daemon=True).start()
    sys.exit(worker.run())


if __name__ == '__main__':
    main()
