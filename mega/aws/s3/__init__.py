"""Bodies that are too large for a message: offloaded to S3, and fetched by their pointer.

The module imports the store on first use, because a message only needs the pointer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mega.aws.s3.pointer import Pointer

if TYPE_CHECKING:
    from mega.aws.s3.store import S3PayloadStore

__all__ = ('Pointer', 'S3PayloadStore')


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from mega.aws.s3.store import S3PayloadStore

    return S3PayloadStore
