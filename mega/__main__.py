"""The `mega` command, also as `python -m mega`. It needs click, which the extra `cli` installs."""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ('main',)


def main() -> NoReturn:
    """Run the `mega` command, and exit."""
    try:
        import click  # noqa: F401
    except ModuleNotFoundError:
        sys.exit("The mega command needs click: pip install 'sqs-mega[cli]'")
    from mega.cli.main import main as run

    run()


if __name__ == '__main__':
    main()
