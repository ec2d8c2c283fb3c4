"""The age of the oldest message in a queue. SQS does not tell it, but CloudWatch, minutes later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from mega.aws._messages.destinations import region_of
from mega.aws._transport.call_errors import Origin, origin_of
from mega.aws._transport.client import AwsClient
from mega.errors import ConfigurationError, TransportError

__all__ = ('OldestAges',)

PERIOD_SECONDS = 60
"""SQS reports its metrics each minute, and CloudWatch charges for each call:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"""

WINDOW = timedelta(minutes=15)
"""How long ago the latest value may be, because values arrive late."""


class OldestAges:
    """Asks CloudWatch at most once a minute for each queue, and no more after a refusal."""

    def __init__(
        self,
        report: Callable[[str], None],
        client_of: Callable[[AwsClient], AwsClient] = lambda sqs: sqs.other_service('cloudwatch'),
    ) -> None:
        self._report = report
        self._client_of = client_of
        self._clients: dict[AwsClient, AwsClient] = {}
        self._known: dict[str, tuple[float, int | None]] = {}
        self._is_refused = False

    def seconds(self, sqs: AwsClient, name: str) -> int | None:
        """Return the age in seconds of the oldest message of a queue; None: it is unknown."""
        now = sqs.clock.monotonic()
        asked_at, age = self._known.get(name, (float('-inf'), None))
        if now - asked_at >= PERIOD_SECONDS and not self._is_refused:
            age = self._ask(sqs, name)
            self._known[name] = now, age
        return None if self._is_refused else age

    def close(self) -> None:
        """Close the connections to CloudWatch."""
        for client in self._clients.values():
            client.close()

    def _ask(self, sqs: AwsClient, name: str) -> int | None:
        now = datetime.fromtimestamp(sqs.clock.time(), timezone.utc)
        try:
            if sqs not in self._clients:
                self._clients[sqs] = self._client_of(sqs)
            answer = self._clients[sqs].call(
                'get_metric_statistics',
                Namespace='AWS/SQS',
                MetricName='ApproximateAgeOfOldestMessage',
                Dimensions=[{'Name': 'QueueName', 'Value': name}],
                StartTime=now - WINDOW,
                EndTime=now,
                Period=PERIOD_SECONDS,
                Statistics=['Maximum'],
            )
        except ConfigurationError as error:
            self._refuse(str(error))
            return None
        except TransportError as error:
            if not error.retriable:
                self._refuse(_reason(error, sqs.endpoint_url))
            return None
        points = answer.get('Datapoints') or ()
        latest = max(points, key=lambda point: point['Timestamp'], default=None)
        return None if latest is None else int(latest['Maximum'])

    def _refuse(self, reason: str) -> None:
        self._is_refused = True
        self._report(f'The age of the oldest message is unknown: {reason}')


def _reason(error: TransportError, endpoint_url: str | None) -> str:
    origin = origin_of(error)
    if origin is Origin.PERMISSION:
        return f'{str(error).rstrip(".")}; allow cloudwatch:GetMetricStatistics'
    if origin in (Origin.ENDPOINT, Origin.REQUEST) and region_of(endpoint_url) is None:
        return f'the server at {endpoint_url} has no CloudWatch'  # its error is of another service
    return str(error)
