"""A mark of tests that need conditional puts of S3, which the oldest botocore does not know."""

from __future__ import annotations

import botocore.session
import pytest

__all__ = ('with_conditional_puts',)

_PUT_OBJECT = botocore.session.Session().get_service_model('s3').operation_model('PutObject')

with_conditional_puts = pytest.mark.skipif(
    'IfNoneMatch' not in getattr(_PUT_OBJECT.input_shape, 'members', {}),
    reason='the oldest botocore does not have the parameter IfNoneMatch of PutObject',
)
