"""The error that a failed call to AWS raises."""

from __future__ import annotations

from mega.aws._messages.error_codes import NEVER_SENT, is_retriable
from mega.errors import TransportError, single_line

__all__ = ('NO_CREDENTIALS_ADVICE', 'transport_error')

NO_CREDENTIALS_ADVICE = (
    'set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role of AWS'
)
"""What to do if boto3 finds no credentials at all."""


def transport_error(
    operation: str, error: BaseException, *, is_late: bool = False
) -> TransportError:
    """Return the error to raise for an error of botocore, of the network, or of an answer's form.

    `is_late`: the time limit of the call was over when the error was raised.

    The errors that are not retriable are AWS's own answers and requests that were never sent. Any
    other error leaves the outcome of the request unknown.
    """
    from botocore.exceptions import ClientError, NoCredentialsError

    if isinstance(error, ClientError):
        details = error.response.get('Error', {})
        code, text = str(details.get('Code', 'Unknown')), str(details.get('Message') or error)
        status = error.response.get('ResponseMetadata', {}).get('HTTPStatusCode', 0)
        return TransportError(operation, code, single_line(text), is_retriable(code, status))
    if is_late:
        problem = 'there was no complete response within the time limit'
        return TransportError(operation, 'Timeout', problem, True)
    is_unsent = not NEVER_SENT.isdisjoint(kind.__name__ for kind in type(error).__mro__)
    text = single_line(str(error))
    if isinstance(error, NoCredentialsError):
        text = f'{text}; {NO_CREDENTIALS_ADVICE}'
    return TransportError(operation, type(error).__name__, text, not is_unsent)
