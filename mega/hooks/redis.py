"""Records of the `Idempotency` hook in Redis or Valkey. Extra: `redis`.

A record is one key, which the server itself removes at its end: `taken:<owner>` or `done:<owner>`.
A transition is one script. The server runs a script without others in between, and the script reads
the record before it writes.
"""

from __future__ import annotations

import math
from typing import Any

try:
    import redis
except ModuleNotFoundError as error:
    if error.name != 'redis':
        raise
    raise ModuleNotFoundError(
        "mega.hooks.redis needs redis-py: pip install 'sqs-mega[redis]'", name='redis'
    ) from None

from mega._closing import Closing
from mega.errors import ConfigurationError, safe_repr, single_line
from mega.hooks.records import Record
from mega.logging import about, get_logger

__all__ = ('RedisStore',)

_log = get_logger(__name__)

SOCKET_SECONDS = 5.0
"""Seconds that a connection attempt or an answer may take, unless the URL says otherwise."""

_TAKE = """
local found = redis.call('GET', KEYS[1])
if not found or found == 'taken:' .. ARGV[1] then
    redis.call('SET', KEYS[1], 'taken:' .. ARGV[1], 'PX', ARGV[2])
    return nil
end
return {string.sub(found, 1, 5) == 'done:' and 1 or 0, redis.call('PTTL', KEYS[1])}
"""

_RENEW = """
if redis.call('GET', KEYS[1]) ~= 'taken:' .. ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

_FINISH = """
local found = redis.call('GET', KEYS[1])
local is_ours = not found or found == 'taken:' .. ARGV[1] or found == 'done:' .. ARGV[1]
if not is_ours then return 0 end
redis.call('SET', KEYS[1], 'done:' .. ARGV[1], 'PX', ARGV[2])
return 1
"""

_RELEASE = """
if redis.call('GET', KEYS[1]) ~= 'taken:' .. ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class RedisStore(Closing):
    """Keeps records in Redis or Valkey.

    `url` is `redis://host:6379/0`, `rediss://` for TLS, or `unix://`. Or pass `client=`, any client
    with the methods of redis-py: `Redis`, `RedisCluster`, the client of a Sentinel, or that of
    valkey-py. An asyncio client does not work. `prefix` is the start of each key.

    - The server has the clock: clocks of other machines do not matter.
    - A server that evicts keys, fails without persistence, or fails over to a replica that has not
      received the last writes, loses records. A message that comes again is then processed again.
    - A record needs about 200 bytes of the server's memory.

    Safe to share among threads, and across a fork.

    Raises:
        ConfigurationError: for an invalid URL, and for neither or both of `url` and `client`.
    """

    def __init__(
        self, url: str | None = None, *, client: Any = None, prefix: str = 'mega:idempotency:'
    ) -> None:
        if (url is None) == (client is None):
            raise ConfigurationError('pass either the URL of the server, or client=')
        if not isinstance(prefix, str):
            raise ConfigurationError(f'prefix={safe_repr(prefix)}: must be a str')
        self._prefix = prefix
        self._owns_client = client is None
        self._client = _connect(url) if client is None else client
        register = self._client.register_script
        self._take, self._renew = register(_TAKE), register(_RENEW)
        self._finish, self._release = register(_FINISH), register(_RELEASE)

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        """Take an absent record. See `IdempotencyStore`."""
        found = self._take(keys=[self._prefix + key], args=[owner, _milliseconds(seconds)])
        if found is None:
            return None
        is_done, milliseconds_left = found
        return Record(bool(is_done), milliseconds_left / 1_000)

    def renew(self, key: str, owner: str, seconds: float) -> bool:
        """Let a taken record end later or earlier. See `IdempotencyStore`."""
        return bool(self._renew(keys=[self._prefix + key], args=[owner, _milliseconds(seconds)]))

    def finish(self, key: str, owner: str, seconds: float) -> bool:
        """Let a record be done. See `IdempotencyStore`."""
        return bool(self._finish(keys=[self._prefix + key], args=[owner, _milliseconds(seconds)]))

    def release(self, key: str, owner: str) -> bool:
        """Remove a taken record. See `IdempotencyStore`."""
        return bool(self._release(keys=[self._prefix + key], args=[owner]))

    def check(self) -> None:
        """Warn about a server that may remove records before their end, or does not say so."""
        try:
            policy = self._client.info('memory').get('maxmemory_policy', 'noeviction')
        except Exception as error:
            if not _is_answer(error):
                raise
            problem = 'the maxmemory-policy of Redis is not checked: %s'
            _log.warning(
                problem,
                single_line(str(error)),
                code='redis-policy-unchecked',
                extra=about(error=type(error).__name__),
            )
            return
        if policy != 'noeviction':
            _log.warning(
                'Redis has the maxmemory-policy %s: with a full memory it removes records, so that '
                'messages are processed again. The policy noeviction prevents it',
                safe_repr(policy),
                code='redis-eviction',
                extra=about(maxmemory_policy=policy),
            )

    def close(self) -> None:
        """Close the connections, unless the user passed the client."""
        if self._owns_client:
            self._client.close()


def _connect(url: object) -> Any:
    try:
        return redis.Redis.from_url(
            url,  # type: ignore[arg-type]  # of any type
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=SOCKET_SECONDS,
        )
    except (AttributeError, TypeError, ValueError) as error:
        # Without the URL, which may contain a password.
        problem = 'must be like redis://host:6379/0, rediss://host or unix:///path'
        raise ConfigurationError(f'the URL of the Redis server {problem}') from error


def _is_answer(error: Exception) -> bool:
    """Return whether a server answered with an error. The classes of valkey-py have equal names."""
    return any(each.__name__ == 'ResponseError' for each in type(error).__mro__)


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1_000))
