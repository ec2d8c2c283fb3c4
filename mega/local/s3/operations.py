"""S3's operations by name."""

from __future__ import annotations

from mega.local.operations import Operation
from mega.local.s3.bucket_operations import BucketOperations
from mega.local.s3.buckets import Buckets
from mega.local.s3.listing import Listing
from mega.local.s3.multipart import MultipartOperations
from mega.local.s3.object_operations import ObjectOperations
from mega.local.state import State

__all__ = ('S3',)


class S3:
    """The operations of S3, of an account that owns all buckets and has all permissions."""

    def __init__(self, state: State) -> None:
        self._buckets = Buckets()
        self.operations: dict[str, Operation] = {
            **BucketOperations(state, self._buckets).operations,
            **ObjectOperations(state, self._buckets).operations,
            **Listing(self._buckets).operations,
            **MultipartOperations(state, self._buckets).operations,
        }

    def reset(self) -> None:
        """Delete all buckets and objects."""
        self._buckets.by_name.clear()
