"""Running the programs of `examples/`, as somebody would in the root of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.local_aws import LocalAws

__all__ = ('environment', 'left_behind', 'run', 'start')

ROOT = Path(__file__).parent.parent

LASTS_AT_MOST = 90.0  # seconds; a few are usual


def environment(**more: str) -> dict[str, str]:
    """What a program gets: what the tests have, but in UTF-8."""
    return {**os.environ, 'PYTHONUTF8': '1', **more}


def start(module: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, '-m', module, *arguments],
        cwd=ROOT,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding='utf-8',
    )


def run(module: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    with start(module, *arguments, **variables) as program:
        try:
            output, errors = program.communicate(timeout=LASTS_AT_MOST)
        finally:
            program.kill()
    return subprocess.CompletedProcess(program.args, program.returncode, output, errors)


def left_behind(aws: LocalAws, prefix: str) -> list[str]:
    """The queues and topics with such names that are there."""
    queues = aws.client('sqs').list_queues(QueueNamePrefix=prefix).get('QueueUrls', [])
    pages = aws.client('sns').get_paginator('list_topics').paginate()  # a hundred a page
    topics = [topic['TopicArn'] for page in pages for topic in page['Topics']]
    return [*queues, *(arn for arn in topics if arn.rpartition(':')[2].startswith(prefix))]
