"""The runs of a listener, one at a time: from the checks of the queue to the end of a session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from mega.aws._messages.destinations import queue_name
from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.preflight.checks import PreflightResult
from mega.aws.sqs.subscribe.preflight.time_limited import TimeLimitedChecks
from mega.aws.sqs.subscribe.runtime.activity import IDLE, Activity
from mega.errors import ConfigurationError
from mega.logging import about, get_logger, with_queue

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.runtime.context import ListenerContext
    from mega.aws.sqs.subscribe.runtime.session import ListenerSession

__all__ = ('ListenerRuns',)

_log = get_logger(__name__)

CheckQueue: TypeAlias = Callable[[EngineSettings], PreflightResult]
"""Checks the queue and the settings before a run."""


class ListenerRuns:
    """The runs of a listener. `stop`, `pause` and `resume` are safe in any thread."""

    def __init__(self, context: ListenerContext, check_queue: CheckQueue) -> None:
        self._context = context
        self._check_queue = check_queue
        self._session: ListenerSession | None = None
        self._checks: TimeLimitedChecks[PreflightResult] | None = None
        self._process = 0
        self._is_stopped = self._is_paused = False

    def stop(self) -> None:
        """Stop the present run, or the next one."""
        self._is_stopped = True
        if self._checks is not None:
            self._checks.stop()
        if self._session is not None:
            self._session.stop()

    def pause(self) -> None:
        """Make no receives until `resume`."""
        self._is_paused = True
        if self._session is not None:
            self._session.pause()

    def resume(self) -> None:
        """Make receives again."""
        self._is_paused = False
        if self._session is not None:
            self._session.resume()

    def activity(self) -> Activity:
        """Return the activity of the present run, if there is one."""
        session = self._session  # another thread may end the run meanwhile
        return IDLE if session is None else session.activity

    @contextmanager
    def begin(
        self, settings: EngineSettings, create: Callable[[EngineSettings], ListenerSession]
    ) -> Iterator[ListenerSession]:
        """Check the queue, and create the session of a run. The block runs and closes it.

        Raises:
            ConfigurationError: without subscribers, during another run, or if a hook cannot work.
            TransportError: if a check proves that the listener cannot work.
        """
        with (
            with_queue(queue_name(self._context.queue.url)),
            self._begin(settings, create) as session,
        ):
            yield session

    @contextmanager
    def _begin(
        self, settings: EngineSettings, create: Callable[[EngineSettings], ListenerSession]
    ) -> Iterator[ListenerSession]:
        if not self._context.router:
            raise ConfigurationError('a listener without subscribers: register at least one')
        # A fork copies no threads, so that the session of the parent does not run in the child.
        if self._process == os.getpid():
            raise ConfigurationError('this listener is already listening in another thread')
        self._process = os.getpid()
        try:
            self._context.router.build()
            self._context.processor.check_hooks()
            found = self._run_checks(settings)
            if found is not None:
                settings = replace(settings, visibility_timeout=found.visibility_timeout)
            session = self._session = create(settings)
            if found is not None:
                session.record_permitted(found.permitted)
            # These calls may have preceded the session.
            if self._is_paused:
                session.pause()
            if self._is_stopped:
                session.stop()
            queue = self._context.queue
            transport, endpoint = queue.aws.transport, queue.aws.endpoint_url
            is_elsewhere = endpoint and not queue.url.startswith(endpoint)
            _log.info(
                'receiving from %s%s, transport: %s',
                *(queue.url, f' at {endpoint}' if is_elsewhere else '', transport),
                extra=about(state='started', transport=transport),
            )
            try:
                yield session
            finally:
                _log.info('stopped receiving from %s', queue.url, extra=about(state='stopped'))
        finally:
            self._session = None
            self._process = 0
            self._is_stopped = False

    def _run_checks(self, settings: EngineSettings) -> PreflightResult | None:
        """Check the queue and the settings; None if a stop ends the checks."""
        check = partial(self._check_queue, settings)
        checks = self._checks = TimeLimitedChecks(self._context.queue.aws, check)
        try:
            return None if self._is_stopped else checks.run()
        finally:
            self._checks = None
