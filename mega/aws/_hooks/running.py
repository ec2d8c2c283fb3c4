"""How hooks run around work: each hook is a generator that yields once.

hooks = [outer, inner]      outer before, inner before, work, inner after, outer after
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

from mega.aws._hooks.work import AwaitingWork, BlockingCall
from mega.errors import ConfigurationError, safe_repr

__all__ = ('HookGenerator', 'check_hooks', 'hooks_with', 'run_with_hooks')

Kind = TypeVar('Kind')
Result = TypeVar('Result')

HookGenerator: TypeAlias = Generator[Any, Result, Result | None]
"""A generator with one `yield`, which returns the result. A returned value replaces the result.

It may also make calls that block, each with `yield from blocking(...)`.
"""


def check_hooks(hooks: Iterable[object], kind: type[Kind]) -> list[Kind]:
    """Return the hooks, which must be instances of subclasses of `kind`.

    Raises:
        ConfigurationError: for any other object.
    """
    valid = []
    for hook in hooks:
        if not isinstance(hook, kind):
            problem = f'it must be an instance of a subclass of {kind.__name__}'
            raise ConfigurationError(f'{safe_repr(hook)} is not a hook: {problem}')
        valid.append(hook)
    return valid


def hooks_with(method: str, hooks: Sequence[Kind], base: type[Kind]) -> list[Kind]:
    """Return the hooks that override a method of their base class. The others cost no time."""
    return [hook for hook in hooks if getattr(type(hook), method) is not getattr(base, method)]


def run_with_hooks(
    hooks: Sequence[HookGenerator[Result]], work: AwaitingWork[Result]
) -> AwaitingWork[Result]:
    """Run work with hooks around it. The first hook is the outermost.

    An exception of a hook is raised at the `yield` of the hooks around it, and finally here.
    """
    begun: list[HookGenerator[Result]] = []
    result: Result | None = None
    error: BaseException | None = None
    try:
        for hook in hooks:
            has_ended, result = _step(hook, None, None)
            if not has_ended and result is not None:
                has_ended, result = yield from _make_calls(hook, result)
            if has_ended:
                if result is None:
                    raise RuntimeError('a hook that returns before its yield must return a result')
                work.close()
                break
            begun.append(hook)
        else:
            result = yield from work
    except GeneratorExit:  # the work is closed
        raise
    except BaseException as raised:
        error = raised
    for hook in reversed(begun):
        try:
            has_ended, replacement = _step(hook, result, error)
            if not has_ended:
                has_ended, replacement = yield from _make_calls(hook, replacement)
            if not has_ended:
                raise RuntimeError('a hook must yield exactly once')
            if replacement is not None:
                result, error = replacement, None
        except GeneratorExit:
            raise
        except BaseException as raised:
            error = raised
    if error is not None:
        raise error
    assert result is not None
    return result


def _step(hook: HookGenerator[Any], value: object, error: BaseException | None) -> tuple[bool, Any]:
    """Continue a hook with a value or an error.

    Return whether it ended, and the value that it returned, or otherwise yielded.
    """
    try:
        return False, hook.send(value) if error is None else hook.throw(error)
    except StopIteration as end:
        return True, end.value


def _make_calls(hook: HookGenerator[Any], call: object) -> AwaitingWork[tuple[bool, Any]]:
    """Make the blocking calls of a hook, up to its `yield` or to its end.

    Return whether it ended, and the value that it returned.
    """
    while isinstance(call, BlockingCall):
        answer, error = yield call
        has_ended, call = _step(hook, answer, error)
        if has_ended:
            return True, call
    return False, None
