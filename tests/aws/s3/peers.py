"""The processes of the other libraries, for the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.local_aws import Credentials

__all__ = ('Peer', 'PeerError', 'Peers', 'peers')

ROOT = Path(__file__).parents[3]


class PeerError(Exception):
    """A library raised; the text is its exception's."""


class Peer:
    """One library, in a process that runs until the tests end it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(
        self,
        method: str,
        bucket: str,
        credentials: Credentials,
        options: Mapping[str, object] | None = None,
        **arguments: Any,
    ) -> Any:
        """Call a method of the library, by its name in peer.py, with AWS's arguments.

        `options` are settings of the library, by its own names.

        Raises:
            PeerError: if the library raises an error.
        """
        assert self._process.stdin
        assert self._process.stdout
        call = {
            'method': method,
            'bucket': bucket,
            'credentials': credentials,
            'options': {**(options or {})},
            'arguments': arguments,
        }
        print(json.dumps(call), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        if 'error' in answer:
            raise PeerError(answer['error'])
        return answer['answer']


class Peers(dict[str, Peer]):
    """The peers by the name of their library. Each is started on first use."""

    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, library: str) -> Peer:
        self[library] = Peer(self._stack.enter_context(_process(library)))
        return self[library]


@contextmanager
def peers() -> Iterator[Peers]:
    with ExitStack() as stack:
        yield Peers(stack)


@contextmanager
def _process(library: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        # Their warnings are not tested.
        [sys.executable, '-W', 'ignore', '-m', 'tests.aws.s3.peer', library],
        cwd=ROOT,
        env={
            'PATH': os.environ.get('PATH', ''),
            'PYTHONUTF8': '1',
            'AWS_CONFIG_FILE': os.devnull,
            'AWS_SHARED_CREDENTIALS_FILE': os.devnull,
            'AWS_EC2_METADATA_DISABLED': 'true',
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding='utf-8',
    )
    with process:  # closes its input, which ends the process, and waits
        yield process
