"""SNS: publishing payloads to topics, and the envelope in which they may arrive."""

from __future__ import annotations

from mega.aws.sns.publish import SnsPublisher

__all__ = ('SnsPublisher',)
