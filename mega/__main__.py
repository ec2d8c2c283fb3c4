"""The `mega` command, also as `python -m mega`. It needs click, which the extra `cli` installs."""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ('main',)

_INTERRUPTED = 130  # as in `mega.cli.exit_status`, which may not be imported yet


def main() -> NoReturn:
    """Run the `mega` command, and exit."""
    try:
        import click  # noqa: F401

        from mega.cli.main import main as run
    except KeyboardInterrupt:
        print('Interrupted', file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except ModuleNotFoundError as error:
        if error.name != 'click':
            raise
        sys.exit("The mega command needs click: pip install 'sqs-mega[cli]'")
    run()


if __name__ == '__main__':
    main()
