"""The REST protocol of S3: which operation a request is, and where its members stand.

The bucket is the first part of the path, or the first part of the host name: `orders.localhost`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from mega.local.errors import AwsError
from mega.local.rules import whole_number
from mega.local.s3.buckets import no_such_bucket
from mega.local.s3.rules import malformed_xml
from mega.local.server.chunks import ChunkReader
from mega.local.server.messages import Reply, Request, next_request_id
from mega.local.server.protocol import Call
from mega.local.server.s3_bodies import document, read_document
from mega.local.server.s3_headers import read_headers, write_headers

__all__ = ('S3Protocol',)

_HOSTS = ('.localhost', '.127.0.0.1')
_XML = 'application/xml'


class _Route(NamedTuple):
    """An operation, the parameter that its XML body holds, and the status of its response.

    `root` is the root of the response's XML body; '' for a response without XML.
    """

    operation: str
    body: str = ''
    root: str = ''
    status: int = 200


_SERVICE: Mapping[str, _Route] = {
    'GET': _Route('ListBuckets', root='ListAllMyBucketsResult'),
}
_BUCKET: Mapping[tuple[str, str], _Route] = {
    ('PUT', ''): _Route('CreateBucket', 'CreateBucketConfiguration'),
    ('HEAD', ''): _Route('HeadBucket'),
    ('DELETE', ''): _Route('DeleteBucket', status=204),
    ('GET', ''): _Route('ListObjects', root='ListBucketResult'),
    ('GET', 'list-type'): _Route('ListObjectsV2', root='ListBucketResult'),
    ('GET', 'location'): _Route('GetBucketLocation', root='LocationConstraint'),
    ('GET', 'uploads'): _Route('ListMultipartUploads', root='ListMultipartUploadsResult'),
    ('POST', 'delete'): _Route('DeleteObjects', 'Delete', 'DeleteResult'),
    ('PUT', 'encryption'): _Route('PutBucketEncryption', 'ServerSideEncryptionConfiguration'),
    ('GET', 'encryption'): _Route('GetBucketEncryption', root='ServerSideEncryptionConfiguration'),
    ('DELETE', 'encryption'): _Route('DeleteBucketEncryption', status=204),
    ('PUT', 'lifecycle'): _Route('PutBucketLifecycleConfiguration', 'LifecycleConfiguration'),
    ('GET', 'lifecycle'): _Route('GetBucketLifecycleConfiguration', root='LifecycleConfiguration'),
    ('DELETE', 'lifecycle'): _Route('DeleteBucketLifecycle', status=204),
    ('PUT', 'policy'): _Route('PutBucketPolicy', status=204),
    ('GET', 'policy'): _Route('GetBucketPolicy'),
    ('DELETE', 'policy'): _Route('DeleteBucketPolicy', status=204),
    ('PUT', 'publicAccessBlock'): _Route('PutPublicAccessBlock', 'PublicAccessBlockConfiguration'),
    ('GET', 'publicAccessBlock'): _Route(
        'GetPublicAccessBlock', root='PublicAccessBlockConfiguration'
    ),
    ('DELETE', 'publicAccessBlock'): _Route('DeletePublicAccessBlock', status=204),
    ('PUT', 'tagging'): _Route('PutBucketTagging', 'Tagging', status=204),
    ('GET', 'tagging'): _Route('GetBucketTagging', root='Tagging'),
    ('DELETE', 'tagging'): _Route('DeleteBucketTagging', status=204),
}
_OBJECT: Mapping[tuple[str, str], _Route] = {
    ('PUT', ''): _Route('PutObject'),
    ('GET', ''): _Route('GetObject'),
    ('HEAD', ''): _Route('HeadObject'),
    ('DELETE', ''): _Route('DeleteObject', status=204),
    ('PUT', 'tagging'): _Route('PutObjectTagging', 'Tagging'),
    ('GET', 'tagging'): _Route('GetObjectTagging', root='Tagging'),
    ('DELETE', 'tagging'): _Route('DeleteObjectTagging', status=204),
    ('POST', 'uploads'): _Route('CreateMultipartUpload', root='InitiateMultipartUploadResult'),
    ('PUT', 'uploadId'): _Route('UploadPart'),
    ('GET', 'uploadId'): _Route('ListParts', root='ListPartsResult'),
    ('POST', 'uploadId'): _Route(
        'CompleteMultipartUpload', 'MultipartUpload', 'CompleteMultipartUploadResult'
    ),
    ('DELETE', 'uploadId'): _Route('AbortMultipartUpload', status=204),
}
_COPY = _Route('CopyObject', root='CopyObjectResult')
_ROUTES = {
    route.operation: route
    for route in (*_SERVICE.values(), *_BUCKET.values(), *_OBJECT.values(), _COPY)
}

_SUBRESOURCES = (
    'accelerate', 'acl', 'analytics', 'attributes', 'cors', 'delete', 'encryption',
    'intelligent-tiering', 'inventory', 'legal-hold', 'lifecycle', 'list-type', 'location',
    'logging', 'metrics', 'notification', 'object-lock', 'ownershipControls', 'policy',
    'policyStatus', 'publicAccessBlock', 'replication', 'requestPayment', 'restore', 'retention',
    'select', 'tagging', 'torrent', 'uploadId', 'uploads', 'versioning', 'versions', 'website',
)  # fmt: skip
"""The parameters of a query that select another operation."""

_PARAMETERS = {
    'continuation-token': 'ContinuationToken',
    'delimiter': 'Delimiter',
    'marker': 'Marker',
    'max-keys': 'MaxKeys',
    'partNumber': 'PartNumber',
    'prefix': 'Prefix',
    'start-after': 'StartAfter',
    'uploadId': 'UploadId',
}
_INTEGERS = ('MaxKeys', 'PartNumber')
_KEYS = ('Delimiter', 'Key', 'Marker', 'NextMarker', 'Prefix', 'StartAfter')
"""The members of a listing that are encoded as in a URL, if the client asks for it."""

_IN_HEADERS = ('GetObject', 'HeadObject', 'HeadBucket', 'PutObject', 'UploadPart')
_ENCRYPTED = ('CompleteMultipartUpload', 'CopyObject', 'CreateMultipartUpload')
"""The operations whose response has the encryption in headers, and the rest in XML."""


class S3Protocol:
    """The REST protocol of S3."""

    throttled = AwsError('SlowDown', 'Please reduce your request rate.', 503)
    missing = no_such_bucket()

    def read(self, request: Request) -> Call:
        """Read the operation and its parameters from path, query, headers and body."""
        headers = request.headers
        bucket, key = _place(request.path, headers.get('host', ''))
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        route = _route(request.method, bucket, key, query, 'x-amz-copy-source' in headers)
        parameters = read_headers(headers)
        _remove_transfer_encoding(parameters)
        parameters.update(_from_query(query))
        if bucket:
            parameters['Bucket'] = bucket
        if key:
            parameters['Key'] = key
        body, trailers = _content(request.body, headers)
        parameters.update(read_headers(trailers))
        if route.operation in ('PutObject', 'UploadPart'):
            parameters['Body'] = body
        elif route.operation == 'PutBucketPolicy':
            parameters['Policy'] = body.decode('utf-8', 'replace')
        elif route.body and (body or route.operation != 'CreateBucket'):
            parameters[route.body] = _from_xml(body)
        if query.get('encoding-type') == 'url':
            parameters['EncodingType'] = 'url'
        return Call('s3', route.operation, parameters)

    def write(self, call: Call, response: Mapping[str, Any]) -> Reply:
        route = _ROUTES[call.operation]
        status, content_type = route.status, _XML
        headers = f'x-amz-request-id: {next_request_id()}\r\n'
        if call.operation in (*_IN_HEADERS, *_ENCRYPTED):
            headers += write_headers(_without_body_members(call.operation, response))
        if 'Location' in response and not route.root:
            headers += f'Location: {response["Location"]}\r\n'
        body = b''
        if call.operation in ('GetObject', 'HeadObject'):
            content_type = response.get('ContentType', 'binary/octet-stream')
            body = response.get('Body', b'')
            status = 206 if 'ContentRange' in response else 200
        elif call.operation == 'GetBucketPolicy':
            content_type, body = 'application/json', response.get('Policy', '').encode()
        elif route.root:
            body = document(route.root, _xml_members(call, response))
        length = response.get('ContentLength') if call.operation == 'HeadObject' else None
        return Reply(status, content_type, body, headers, length=length)

    def write_error(self, error: AwsError) -> Reply:
        request_id = next_request_id()
        members = {'Code': error.code, 'Message': error.message, 'RequestId': request_id}
        body = b'' if error.status == 304 else document('Error', members)
        return Reply(error.status, _XML, body, f'x-amz-request-id: {request_id}\r\n')


def _content(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """Return the content of a body, and the headers that follow it in aws-chunked.

    Signatures of chunks are not checked.
    """
    if not headers.get('x-amz-content-sha256', '').startswith('STREAMING-'):
        return body, {}
    reader = ChunkReader()
    try:
        is_complete = reader.read(body)
    except ValueError:
        is_complete = False
    if not is_complete:
        raise AwsError('IncompleteBody', 'The request body is not encoded as its headers say')
    return reader.body, reader.trailers


def _remove_transfer_encoding(parameters: dict[str, Any]) -> None:
    """Remove aws-chunked, which is not an encoding of the object."""
    encodings = parameters.get('ContentEncoding', '').split(',')
    kept = [each.strip() for each in encodings if each.strip() not in ('', 'aws-chunked')]
    parameters.pop('ContentEncoding', None)
    if kept:
        parameters['ContentEncoding'] = ','.join(kept)


def _place(path: str, host: str) -> tuple[str, str]:
    """Return the bucket and the key of a request; '' for what it does not have."""
    name = host.rpartition(':')[0] if ':' in host else host
    for suffix in _HOSTS:
        if name.endswith(suffix):
            return name.removesuffix(suffix), unquote(path.removeprefix('/'))
    bucket, _, key = path.removeprefix('/').partition('/')
    return unquote(bucket), unquote(key)


def _route(method: str, bucket: str, key: str, query: Mapping[str, str], is_copy: bool) -> _Route:
    subresource = next((name for name in _SUBRESOURCES if name in query), '')
    if not bucket:
        found = _SERVICE.get(method)
    elif not key:
        found = _BUCKET.get((method, subresource))
    elif is_copy and (method, subresource) == ('PUT', ''):
        found = _COPY
    else:
        found = _OBJECT.get((method, subresource))
    if found is None:
        problem = 'A header or query you provided implies functionality that is not implemented'
        raise AwsError('NotImplemented', problem, 501)
    return found


def _from_query(query: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        _PARAMETERS[name]: value for name, value in query.items() if name in _PARAMETERS
    }
    for name in _INTEGERS:
        if name in found:
            number = whole_number(found[name])
            if number is None:
                raise AwsError('InvalidArgument', f'Provided {name} not an integer')
            found[name] = number
    return found


def _from_xml(body: bytes) -> Any:
    try:
        value = read_document(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise malformed_xml()
    return value


def _without_body_members(operation: str, response: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the members that stand in headers. An upload's response has its ETag in XML."""
    if operation not in _ENCRYPTED:
        return response
    names = ('ServerSideEncryption', 'SSEKMSKeyId', 'BucketKeyEnabled')
    return {name: response[name] for name in names if name in response}


def _xml_members(call: Call, response: Mapping[str, Any]) -> Mapping[str, Any] | str:
    """Return the members that stand in the XML body of a response."""
    if call.operation == 'GetBucketLocation':
        return str(response.get('LocationConstraint', ''))
    for name in ('CopyObjectResult', 'PublicAccessBlockConfiguration'):
        if name in response:
            return dict(response[name])
    if 'ServerSideEncryptionConfiguration' in response:
        return dict(response['ServerSideEncryptionConfiguration'])
    if call.operation.startswith('ListObjects') and call.parameters.get('EncodingType') == 'url':
        return {**_url_encoded(response), 'EncodingType': 'url'}
    return response


def _url_encoded(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return a listing whose keys are encoded, because XML excludes some characters of keys."""
    return {
        name: [_url_encoded(each) for each in value]
        if isinstance(value, list)
        else quote(value, safe='/')
        if name in _KEYS
        else value
        for name, value in response.items()
    }
