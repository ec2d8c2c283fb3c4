"""Large payloads: bodies offloaded to S3, fetched from there, and the pointer between."""

from __future__ import annotations

from mega.aws.s3.pointer import Pointer
from mega.aws.s3.store import S3PayloadStore

__all__ = ('Pointer', 'S3PayloadStore')
