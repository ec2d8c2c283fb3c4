"""Checks of this Python: packages that break the library, and what makes calls slower."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.cli.doctor.setup import Setup
from mega.cli.documentation import page_url

__all__ = ('check_packages', 'check_transport')


def check_packages(setup: Setup) -> Iterator[Finding]:
    """Find the package `bson` of PyPI, which overwrites the module of the same name of pymongo."""
    try:
        version = metadata.version('bson')
    except metadata.PackageNotFoundError:
        return
    yield Kind.OTHER_BSON.found(
        f'bson {version}',
        'is installed beside pymongo, and overwrites its module bson: binary bodies can be neither '
        'written nor read',
        'pip uninstall bson, and then pip install --force-reinstall pymongo.',
    )


def check_transport(setup: Setup) -> Iterator[Finding]:
    """Find out why calls go through botocore, which takes more CPU time per message."""
    if setup.aws.is_in_process:
        return
    aws = setup.aws if setup.listener is not None else setup.aws.other_service('sqs')
    if aws.transport != 'direct':
        yield Kind.SLOW_TRANSPORT.found(
            setup.queue_url,
            f'is called through botocore, which is slower: {aws.transport.partition(": ")[2]}',
            f'{page_url("calls-to-aws.md")} lists the reasons. Ignore this note if the reason is '
            'intended.',
        )
