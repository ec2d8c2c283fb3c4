"""The options and the heading that the benchmarks of AWS calls share."""

from __future__ import annotations

import argparse
import ssl
from importlib.metadata import PackageNotFoundError, version

__all__ = ('add_scheme_option', 'aws_versions', 'selected_schemes')

SCHEMES = ('http', 'https')
LIBRARIES = ('boto3', 'botocore', 'urllib3', 'httptools')


def add_scheme_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--scheme',
        choices=[*SCHEMES, 'both'],
        default='both',
        help='what the server speaks; https is TLS 1.3, as AWS speaks it (default: both)',
    )


def selected_schemes(option: str) -> tuple[str, ...]:
    """Return the schemes that an option selects, HTTP first."""
    return SCHEMES if option == 'both' else (option,)


def aws_versions() -> str:
    """Return the versions of the AWS libraries, and whether botocore uses `awscrt`.

    botocore signs requests differently when `awscrt` is installed, so figures with it and without
    it are not comparable.
    """
    libraries = ', '.join(f'{name} {version(name)}' for name in LIBRARIES)
    try:
        awscrt = f'awscrt {version("awscrt")} is installed'
    except PackageNotFoundError:
        awscrt = 'awscrt is not installed'
    return f'{libraries}; {awscrt}; {ssl.OPENSSL_VERSION}'
