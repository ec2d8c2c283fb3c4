"""Clients of AWS services: how they are created, and how their errors are translated.

boto3 is imported when the first client is created.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from mega._closing import Closing
from mega.aws._hooks.instrumentation import Instrumentation
from mega.aws._messages.destinations import region_for, region_of
from mega.aws._transport.clock import SYSTEM_CLOCK, Clock
from mega.aws._transport.errors import transport_error
from mega.aws._transport.time_limits import TimeLimitExceeded, current_limit
from mega.aws._transport.tracebacks import (
    handled_exception,
    remove_secrets,
    without_secrets_in_tracebacks,
)
from mega.aws._transport.watchdog import watchdog
from mega.errors import ConfigurationError, TransportError

with suppress(RuntimeError):
    # boto3 needs it, and Python refuses to import it after the main thread has ended.
    import concurrent.futures.thread  # noqa: F401

if TYPE_CHECKING:
    from mega.aws._transport.direct import DirectClient

__all__ = ('AwsClient', 'ClientOwner', 'create_client')

T = TypeVar('T', bound='ClientOwner')

_Created: TypeAlias = 'tuple[Any, DirectClient | str]'
"""A boto3 client, and its direct client or the reason why it has none."""

_OTHER_SERVICE_READ_TIMEOUT = 10.0

_NO_REGION = (
    'no AWS region: give region_name= (or --region), or set AWS_DEFAULT_REGION or a profile'
)


class AwsClient:
    """A client of one AWS service, and its calls.

    Safe to share among threads, but not across a fork: a child process creates its own client,
    unless the user passed one. `clock` measures the time limits of calls, and the waits between
    repetitions. `instrumentation` does not see the calls.
    """

    def __init__(
        self,
        create: Callable[[], _Created],
        *,
        owns_client: bool = True,
        clock: Clock | None = None,
        options: Callable[[], Mapping[str, Any]] = dict,
        instrumentation: Instrumentation | None = None,
    ) -> None:
        self.clock = clock or SYSTEM_CLOCK
        self.is_in_process = clock is not None
        self._options = options  # a function, because the repr of a mapping would show the secrets
        self._instrumentation = instrumentation
        self._create = create
        self._created = create()
        self._process = os.getpid()
        self._owns_client = owns_client

    @property
    def client(self) -> Any:
        return self._current()[0]

    @property
    def region(self) -> str | None:
        return self._meta('region_name')

    @property
    def endpoint_url(self) -> str | None:
        """The URL that calls go to."""
        return self._meta('endpoint_url')

    def _meta(self, name: str) -> str | None:
        # A client that a user passes may be another object with the same methods.
        value: str | None = getattr(getattr(self.client, 'meta', None), name, None)
        return value

    @property
    def read_timeout(self) -> float | None:
        """The seconds for each part of a response; None: unlimited, or unknown."""
        config = getattr(self.client.meta, 'config', None)
        timeout: float | None = getattr(config, 'read_timeout', None)
        return timeout

    @property
    def transport(self) -> str:
        """`direct`, or `botocore: ` and the reason for it."""
        _, direct = self._current()
        reason = direct if isinstance(direct, str) else direct.fallback_reason()
        return f'botocore: {reason}' if reason else 'direct'

    @without_secrets_in_tracebacks
    def other_service(self, service: str) -> AwsClient:
        """Return a client of another service, with the same credentials and region.

        A custom endpoint is that of a local AWS, which has all services. An endpoint of AWS is of
        one service. boto3 itself finds the credentials if the user passed the client. The client
        makes one attempt per call.

        Raises:
            ConfigurationError: for no region.
        """
        options = self._options()
        url = options.get('endpoint_url')
        return create_client(
            service,
            None,
            region_name=self.region,
            attempts=1,
            read_timeout=_OTHER_SERVICE_READ_TIMEOUT,
            instrumentation=self._instrumentation,
            **{**options, 'endpoint_url': None if region_of(url) else url},
        )

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call AWS by boto3's name of the method, without the parameters that are None.

        The call ends at the time limit of this thread, if it is `within` one.

        Raises:
            TransportError: for every failure; botocore's exception is its cause.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        client, direct = self._current()
        limit, handled = current_limit(), handled_exception()
        operation = client.meta.method_to_api_mapping.get(method, method)
        if limit is not None and not limit.seconds_left:
            raise TransportError(operation, 'Timeout', 'no time was left to send the request', True)
        try:
            response = None if isinstance(direct, str) else direct.call(method, given)
            if response is None:
                response = self._call_botocore(client, method, given)
                if watchdog.has_ended_call:  # botocore accepts a response that is cut off
                    raise TimeLimitExceeded
            return response
        except (Exception, TimeLimitExceeded) as error:  # an invalid response raises any exception
            is_late = limit is not None and not limit.seconds_left
            remove_secrets(error, handled)
            raise transport_error(operation, error, is_late=is_late) from error

    def _call_botocore(self, client: Any, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        call, instrumentation = getattr(client, method), self._instrumentation
        if instrumentation is None:
            response: dict[str, Any] = call(**given)
            return response
        from mega.aws._transport.botocore_private import unwrapped

        with instrumentation.suppress():
            response = unwrapped(call, instrumentation.package)(**given)
            return response

    def close(self) -> None:
        client, direct = self._current()
        if self._owns_client:
            client.close()
            if not isinstance(direct, str):
                direct.close()

    def _current(self) -> _Created:
        if self._process != os.getpid():
            self._created = self._create()
            self._process = os.getpid()
        return self._created


class ClientOwner(Closing):
    """Base of the classes with a client: `close()`, and closing at the end of a `with` block."""

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    def close(self) -> None:
        """Close the connections, unless the user passed the client."""
        self._aws.close()


def create_client(
    service: str,
    destination: str | None,
    *,
    client: Any = None,
    session: Any = None,
    region_name: str | None = None,
    endpoint_url: str | None = None,
    attempts: int = 3,
    connections: int = 10,
    read_timeout: float = 60.0,
    instrumentation: Instrumentation | None = None,
    **credentials: str | None,
) -> AwsClient:
    """Use the client that the user passed, or create one.

    A created client makes up to `attempts` attempts per call, keeps up to `connections` open
    connections, and waits up to `read_timeout` seconds for each part of a response.
    Its region is the one in `destination` (a queue's URL or a topic's ARN), if there is one.
    boto3's own rules find everything else that is not given. `instrumentation` does not see the
    calls.

    Raises:
        ConfigurationError: for contradictory options, no region, or an invalid endpoint.
    """
    from mega.aws._transport.in_process import InProcessClient
    from mega.aws._transport.interruption import make_interruptible

    given = {name: value for name, value in credentials.items() if value is not None}
    if client is not None:
        if session is not None or region_name or endpoint_url or given:
            raise ConfigurationError('client= is complete: pass no other connection options')
        if isinstance(client, InProcessClient):
            client.check_service(service)
            reason = 'the client is in this process'
            return AwsClient(lambda: (client, reason), owns_client=False, clock=client.clock)
        make_interruptible(client)  # for time limits
        options = {'endpoint_url': getattr(getattr(client, 'meta', None), 'endpoint_url', None)}
        return AwsClient(
            lambda: (client, 'client= was passed'),
            owns_client=False,
            options=lambda: options,
            instrumentation=instrumentation,
        )
    if ('aws_access_key_id' in given) != ('aws_secret_access_key' in given):
        raise ConfigurationError('pass aws_access_key_id and aws_secret_access_key together')
    if session is not None and given:
        raise ConfigurationError('session= has its own credentials: pass one or the other')
    region = region_for(destination, region_name)
    settings = {
        # 'legacy', still the default, does not retry SQS's RequestThrottled.
        'retries': {'mode': 'standard', 'total_max_attempts': attempts},
        'max_pool_connections': connections,
        'read_timeout': read_timeout,
    }
    return AwsClient(
        lambda: _create(service, session, region, endpoint_url, given, settings, instrumentation),
        options=lambda: {'session': session, 'endpoint_url': endpoint_url, **given},
        instrumentation=instrumentation,
    )


def _create(
    service: str,
    session: Any,
    region: str | None,
    endpoint_url: str | None,
    credentials: dict[str, str],
    settings: dict[str, Any],
    instrumentation: Instrumentation | None,
) -> _Created:
    try:
        from boto3.session import Session
    except RuntimeError as error:
        problem = 'boto3 cannot be imported after the main thread has ended: import it before'
        raise ConfigurationError(problem) from error
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, NoRegionError

    from mega.aws._transport.direct import direct_client
    from mega.aws._transport.interruption import make_interruptible

    try:
        session = session or Session(**credentials)  # type: ignore[arg-type]  # of its keywords
        if service == 's3' and not region and not session.region_name:
            raise ConfigurationError(_NO_REGION)  # botocore would use us-east-1
        client: Any = session.client(
            service,
            region_name=region,
            endpoint_url=endpoint_url,
            config=Config(
                **settings,
                # It takes a tenth of a call. The publisher has checked the parameters.
                parameter_validation=False,
                user_agent=_user_agent(),
            ),
        )
        make_interruptible(client)
        ignored_package = None if instrumentation is None else instrumentation.package
        return client, direct_client(client, session, ignored_package)
    except NoRegionError as error:
        raise ConfigurationError(_NO_REGION) from error
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f'cannot create a client for {service}: {error}') from error


@functools.cache
def _user_agent() -> str:
    """Return the same text for every call. Otherwise botocore composes one for each.

    Only a session knows it, and takes as long to create as the rest of a client.
    """
    from botocore.session import get_session

    return f'{get_session().user_agent()} mega'
