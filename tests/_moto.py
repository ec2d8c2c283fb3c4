"""moto's server as a program: the options are moto's.

moto lists the directories of its services for each request, which takes two thirds of the time of a
request. Here it lists them once.
"""

from __future__ import annotations

import sys

__all__ = ('main',)


def main() -> None:
    """Serve until the process is terminated."""
    from moto import backends, server  # not in the tests: moto adds a handler to every client

    names = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: names
    server.main(sys.argv[1:])


if __name__ == '__main__':
    main()
