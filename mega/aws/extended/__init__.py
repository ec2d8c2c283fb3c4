"""A boto3 client of SQS that stores large bodies in S3, as the extended clients of AWS do."""

from __future__ import annotations

from mega.aws.extended.client import ExtendedClient
from mega.aws.extended.session import ExtendedSession, extend_sqs

__all__ = ('ExtendedClient', 'ExtendedSession', 'extend_sqs')
