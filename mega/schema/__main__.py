"""`python -m mega.schema TARGET` is `mega schema TARGET`. It needs the extra `cli`."""

from __future__ import annotations

import sys

from mega.__main__ import main

if __name__ == '__main__':
    sys.argv.insert(1, 'schema')
    main()
