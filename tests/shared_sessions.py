"""Sessions of boto3 that share what each would compute again, at 30 ms for each client."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import botocore.session
import pytest
from botocore import hooks

__all__ = ('share_between_sessions',)


def share_between_sessions(patch: pytest.MonkeyPatch) -> None:
    """Share the service models, the names of events, and whether a handler takes any keyword."""
    aliases: dict[str, str] = {}
    inspected, initialize = hooks.accepts_kwargs, hooks.EventAliaser.__init__

    def accepts_kwargs(handler: Any) -> object:
        code = getattr(handler, '__code__', None)
        return code.co_flags & inspect.CO_VARKEYWORDS if code else inspected(handler)

    def share_aliases(self: Any, emitter: Any, event_aliases: Any = None) -> None:
        initialize(self, emitter, event_aliases)
        if event_aliases is None:
            self._alias_name_cache = aliases

    shared = functools.cache(botocore.session.create_loader)
    patch.setattr(botocore.session, 'create_loader', shared)
    patch.setattr(hooks, 'accepts_kwargs', accepts_kwargs)
    patch.setattr(hooks.EventAliaser, '__init__', share_aliases)
