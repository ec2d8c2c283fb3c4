"""Run the programs of the project as a user does in the root of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.local_aws import LocalAws

__all__ = ('environment', 'left_behind', 'run', 'start')

ROOT = Path(__file__).parent.parent

TIMEOUT = 90.0  # seconds; a program usually takes a few


def environment(**more: str) -> dict[str, str]:
    """Return the environment of the tests with UTF-8 and more variables."""
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
    """Run a program until it ends."""
    with start(module, *arguments, **variables) as program:
        try:
            output, errors = program.communicate(timeout=TIMEOUT)
        finally:
            program.kill()
    return subprocess.CompletedProcess(program.args, program.returncode, output, errors)


def left_behind(aws: LocalAws, prefix: str) -> list[str]:
    """Return the queues and topics whose names begin with a prefix."""
    queues = aws.client('sqs').list_queues(QueueNamePrefix=prefix).get('QueueUrls', [])
    pages = aws.client('sns').get_paginator('list_topics').paginate()  # 100 on a page
    topics = [topic['TopicArn'] for page in pages for topic in page['Topics']]
    return [*queues, *(arn for arn in topics if arn.rpartition(':')[2].startswith(prefix))]
