"""An endpoint that the tests did not start: AWS itself, or a server in its place."""

from __future__ import annotations

from typing import NoReturn, TypedDict

__all__ = ('Endpoint',)


class EndpointOption(TypedDict, total=False):
    """The keyword arguments with which a client connects to an endpoint."""

    endpoint_url: str


class Endpoint:
    """The value of the fixture `mega_aws` with the option `--mega-endpoint-url`.

    `endpoint_url` is None for AWS itself. It has none of the methods of `mega.local.LocalAws` that
    control the server, such as `advance`.
    """

    def __init__(self, endpoint_url: str | None) -> None:
        self.endpoint_url = endpoint_url

    @property
    def credentials(self) -> EndpointOption:
        """The keyword arguments for boto3, publishers and listeners. boto3 finds the others."""
        return {} if self.endpoint_url is None else {'endpoint_url': self.endpoint_url}

    def __getattr__(self, name: str) -> NoReturn:
        problem = 'run the test without --mega-endpoint-url, or skip it with the option'
        raise AttributeError(f'an endpoint has no {name!r}, which only LocalAws has: {problem}')
