"""The pytest plugin of `mega.testing`: two fixtures and an option.

pytest loads this module at its start, in each project that has the package installed. It imports
nothing of `mega` before a test uses a fixture. Otherwise every run would wait for the import, and a
measurement of coverage would begin after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mega.local import LocalAws
    from mega.testing import Bus
    from mega.testing.endpoint import Endpoint


# Its assertions must explain their failures in the tests of users. This does not import the module.
pytest.register_assert_rewrite('mega.testing.idempotency_stores')


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the endpoint."""
    parser.getgroup('mega', 'sqs-mega').addoption(
        '--mega-endpoint-url',
        metavar='URL',
        help='the endpoint of the fixture `mega_aws`, in place of the server that it starts; `aws` '
        'is AWS itself. boto3 finds the credentials and the region',
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse an invalid value of the option, before the first test."""
    url = config.getoption('--mega-endpoint-url')
    if url is not None and url != 'aws' and not url.startswith(('http://', 'https://')):
        raise pytest.UsageError(f'--mega-endpoint-url must be `aws` or a URL: {url!r}')


@pytest.fixture
def mega_bus() -> Bus:
    """A new `mega.testing.Bus`: SQS, SNS and S3 in the process of the test, in virtual time.

    The fixture checks nothing after the test.
    """
    from mega.testing import Bus

    return Bus()


@pytest.fixture(scope='session')
def mega_aws(pytestconfig: pytest.Config) -> Iterator[LocalAws | Endpoint]:
    """The `mega.local.LocalAws` of the session: a server of SQS, SNS and S3, on loopback.

    `mega_aws.credentials` are the keyword arguments for clients of boto3, publishers and listeners.
    All tests of a process share the server, so that each should create its own queues.
    With `--mega-endpoint-url` no server starts, and `credentials` lead to that endpoint.
    """
    if url := pytestconfig.getoption('--mega-endpoint-url'):
        from mega.testing.endpoint import Endpoint

        yield Endpoint(None if url == 'aws' else url)
        return
    from mega.local import LocalAws

    with LocalAws() as aws:
        yield aws
