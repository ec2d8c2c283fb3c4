"""Bodies that are too large for a message: offloaded to S3, and fetched by their pointer."""

from __future__ import annotations

from mega.aws.s3.pointer import Pointer
from mega.aws.s3.store import S3PayloadStore

__all__ = ('Pointer', 'S3PayloadStore')
