"""The attributes of a message whose body is in S3 or compressed. Only this library sets them."""

from __future__ import annotations

__all__ = ('BODY_ATTRIBUTES', 'COMPRESSION_ATTRIBUTE', 'LEGACY_SIZE_ATTRIBUTE', 'SIZE_ATTRIBUTE')

SIZE_ATTRIBUTE = 'ExtendedPayloadSize'
"""The attribute of a message whose body is in S3: the size of the body, in bytes of UTF-8.

This name, and the older one, are AWS's: https://github.com/awslabs/amazon-sqs-java-extended-client-lib
"""

LEGACY_SIZE_ATTRIBUTE = 'SQSLargePayloadSize'

COMPRESSION_ATTRIBUTE = 'MegaCompression'
"""The attribute of a message whose body is compressed, in the message or in S3: the format."""

BODY_ATTRIBUTES = (SIZE_ATTRIBUTE, LEGACY_SIZE_ATTRIBUTE, COMPRESSION_ATTRIBUTE)
