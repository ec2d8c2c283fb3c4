"""Runs lines of Python in another process, against a server of the tests."""

from __future__ import annotations

from textwrap import dedent

from mega.local import Server
from tests.fork_server import run
from tests.programs import environment

__all__ = ('run_lines',)

_BEFORE = """
import os, sys, threading
from mega.aws._transport.client import create_client
from mega.aws.sqs import SqsPublisher
from mega.errors import ConfigurationError

def in_child(function):
    child = os.fork()
    if not child:
        try:
            function()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return child

def wait_for(child):
    assert os.waitpid(child, 0)[1] == 0, 'the child failed'

url = sys.argv[1]
publisher = SqsPublisher(url)
"""


def run_lines(lines: str, server: Server, queue_url: str, lasts_at_most: float = 30) -> str:
    """Run lines with a `publisher` to the queue, and return their output."""
    variables = environment(
        AWS_ACCESS_KEY_ID='testing',
        AWS_SECRET_ACCESS_KEY='testing',
        AWS_DEFAULT_REGION='eu-west-1',
        AWS_ENDPOINT_URL=server.endpoint_url,
    )
    code = _BEFORE + dedent(lines)
    done = run(['-c', code, queue_url], variables, lasts_at_most)
    assert done.returncode == 0, done.stderr
    return done.stdout
