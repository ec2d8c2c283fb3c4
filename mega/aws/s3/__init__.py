"""Bodies that are too large for a message: offloaded to S3, and fetched by their pointer.

The module imports the store on first use, because a message only needs the pointer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mega._lazy_import import import_on_first_use
from mega.aws.s3.pointer import Pointer

if TYPE_CHECKING:
    from mega.aws.s3.store import S3PayloadStore

__all__ = ('Pointer', 'S3PayloadStore')

__getattr__ = import_on_first_use(__name__, {'S3PayloadStore': '.store'})
