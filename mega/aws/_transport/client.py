"""The one door to boto3: clients, regions, and what goes wrong in a call."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from mega.aws._transport.errors import transport_error
from mega.aws._transport.interruption import adapt
from mega.aws._transport.replay import Calls, Repeating, Usual
from mega.aws._transport.response_parsing import shorten_calls
from mega.errors import ConfigurationError

__all__ = ('AwsClient', 'ClosesClient', 'connect', 'region_of')

T = TypeVar('T', bound='ClosesClient')

_log = logging.getLogger(__name__)

# Of every partition: https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
_REGION = r'[a-z]{2}[a-z0-9-]*-\d+'
_SUFFIX = (
    r'(?:vpce\.)?(?:api\.)?(?:aws|(?:amazonaws|amazonwebservices)\.(?:com|eu)(?:\.cn)?'
    r'|c2s\.ic\.gov|sc2s\.sgov\.gov|csp\.hci\.ic\.gov|cloud\.adc-e\.uk)(?=[/:]|$)'
)
_REGION_OF_URL = re.compile(
    rf'^https?://(?:[^/]*\.)?(?:sqs(?:-fips)?\.(?P<new>{_REGION})\.{_SUFFIX}'
    rf'|(?P<old>{_REGION})\.queue\.{_SUFFIX})'
)
_OLDEST_URL = re.compile(rf'^https?://queue\.{_SUFFIX}')
_REGION_OF_ARN = re.compile(rf'^arn:[^:]*:[^:]*:(?P<region>{_REGION}):')

_NO_REGION = 'no AWS region: give region_name=, or set AWS_DEFAULT_REGION or a profile'

_warned: set[tuple[str, str]] = set()


_forks = 0  # how many there were on the way to this process


def _count_fork() -> None:
    global _forks
    _forks += 1


# To ask for the process id at every call would be a call of the system, for what hardly ever is.
if hasattr(os, 'register_at_fork'):  # there is no fork on Windows
    os.register_at_fork(after_in_child=_count_fork)


class AwsClient:
    """A client of one AWS service, and its calls.

    Safe to share among threads, as botocore's clients are. They are not across a fork, so a child
    process gets a client of its own; one that came from the user stays the same.
    """

    def __init__(self, make: Callable[[], Calls], *, owns_client: bool = True) -> None:
        self._make = make
        self._made = make()
        self._forks = _forks
        self.owns_client = owns_client

    @property
    def client(self) -> Any:
        return self._calls.client

    @property
    def _calls(self) -> Calls:
        if self._forks != _forks:
            self._made = self._make()
            self._forks = _forks
        return self._made

    @property
    def region(self) -> str | None:
        region: str | None = self.client.meta.region_name
        return region

    def parameters_of(self, operation: str) -> frozenset[str]:
        """The names of what a call takes, by AWS's name of it."""
        return frozenset(
            self.client.meta.service_model.operation_model(operation).input_shape.members
        )

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call AWS by boto3's name of the method. What is None is not sent.

        A call whose outcome is unknown is sent again by botocore.

        Raises:
            TransportError: whatever went wrong, botocore's error being the cause.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        calls = self._calls
        try:
            return calls.call(method, given)
        except Exception as error:  # an answer that cannot be read raises whatever it likes
            operation = calls.client.meta.method_to_api_mapping.get(method, method)
            raise transport_error(operation, error) from error

    def close(self) -> None:
        """Close the connections, unless the client came from the user."""
        if self.owns_client:
            self.client.close()


class ClosesClient:
    """Something that talks to AWS until it is closed; a context manager that closes itself."""

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    def close(self) -> None:
        """Close the connections. A client that was given is left open."""
        self._aws.close()

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def connect(
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
    **credentials: str | None,
) -> AwsClient:
    """Take the client that is given, or make one.

    One that is made tries each call `attempts` times, keeps up to so many connections, and waits
    for `read_timeout` seconds for each part of an answer.

    The region is the one of the destination, a queue's URL or a topic's ARN, where that names one:
    nothing else can reach it. Whatever is not given is found by boto3's own rules.

    Raises:
        ConfigurationError: for options that contradict each other, no region, a bad endpoint.
    """
    given = {name: value for name, value in credentials.items() if value is not None}
    if client is not None:
        if session is not None or region_name or endpoint_url or given:
            raise ConfigurationError('client= is ready to use: nothing else goes with it')
        return AwsClient(lambda: Usual(client), owns_client=False)
    if ('aws_access_key_id' in given) != ('aws_secret_access_key' in given):
        raise ConfigurationError('aws_access_key_id and aws_secret_access_key go together')
    if session is not None and given:
        raise ConfigurationError('session= has credentials of its own: give one or the other')
    region = _region(destination, region_name)
    settings = {
        # 'legacy', still the default, does not retry SQS's RequestThrottled.
        'retries': {'mode': 'standard', 'total_max_attempts': attempts},
        'max_pool_connections': connections,
        'read_timeout': read_timeout,
    }
    return AwsClient(lambda: _make(service, session, region, endpoint_url, given, settings))


def _make(
    service: str,
    session: Any,
    region: str | None,
    endpoint_url: str | None,
    credentials: dict[str, str],
    settings: dict[str, Any],
) -> Calls:
    from boto3.session import Session
    from botocore.auth import AUTH_TYPE_MAPS
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, NoRegionError
    from botocore.session import get_session as botocore_session

    try:
        made: Any = session or Session(**credentials)  # type: ignore[arg-type]  # of its keywords
        if service == 's3' and not region and not made.region_name:
            raise ConfigurationError(_NO_REGION)  # botocore would take one of its own
        client: Any = made.client(
            service,
            region_name=region,
            endpoint_url=endpoint_url,
            config=Config(
                **settings,
                # A tenth of what a call costs, and what is sent was checked here.
                parameter_validation=False,
                # Otherwise botocore puts it together anew for every call.
                user_agent=f'{botocore_session().user_agent()} mega',
            ),
        )
        adapt(client)
        shorten_calls(client, AUTH_TYPE_MAPS)
        keys = getattr(getattr(client, '_request_signer', None), '_credentials', None)
        is_tried_once = settings['retries']['total_max_attempts'] == 1
        return Repeating(client, keys) if is_tried_once and keys else Usual(client)
    except NoRegionError as error:
        raise ConfigurationError(_NO_REGION) from error
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f'no client for {service}: {error}') from error


def _region(destination: str | None, wanted: str | None) -> str | None:
    found = region_of(destination)
    if found is None or wanted is None or found == wanted:
        return found or wanted
    if (found, wanted) not in _warned:
        _warned.add((found, wanted))
        _log.warning('region_name is %r, and %s lies in %r: using that', wanted, destination, found)
    return found


def region_of(destination: str | None) -> str | None:
    """The region that a queue's URL or a topic's ARN names, if it is AWS's."""
    if found := _REGION_OF_URL.match(destination or ''):
        return found['new'] or found['old']
    if _OLDEST_URL.match(destination or ''):
        return 'us-east-1'
    found = _REGION_OF_ARN.match(destination or '')
    return found['region'] if found else None
