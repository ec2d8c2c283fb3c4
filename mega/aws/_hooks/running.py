"""How hooks run around work: each hook is a generator that yields once.

hooks = [outer, inner]      outer before, inner before, work, inner after, outer after
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
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
            if (result := (yield from _begin(hook))) is not None:
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
            replacement = yield from _end(hook, result, error)
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


def _begin(hook: HookGenerator[Result]) -> AwaitingWork[Result | None]:
    """Run a hook up to its `yield`. If the hook returns before that, return its result."""
    has_ended, result = yield from _run_until_yield(hook, partial(next, hook))
    if has_ended and result is None:
        raise RuntimeError('a hook that returns before its yield must return a result')
    return result


def _end(
    hook: HookGenerator[Result], result: Result | None, error: BaseException | None
) -> AwaitingWork[Result | None]:
    """Run a hook from its `yield`, which returns a result or raises an error, to its end.

    Return the value that the hook returns.
    """
    if error is None:
        assert result is not None
        resume = partial(hook.send, result)
    else:
        resume = partial(hook.throw, error)
    has_ended, replacement = yield from _run_until_yield(hook, resume)
    if not has_ended:
        raise RuntimeError('a hook must yield exactly once')
    return replacement


def _run_until_yield(
    hook: HookGenerator[Result], resume: Callable[[], BlockingCall | None]
) -> AwaitingWork[tuple[bool, Result | None]]:
    """Run a hook, with its blocking calls, up to a `yield` of its own or to its end.

    Return whether it ended, and the value that it returned.
    """
    try:
        call = resume()
        while isinstance(call, BlockingCall):
            answer: Any
            answer, error = yield call
            call = hook.send(answer) if error is None else hook.throw(error)
    except StopIteration as end:
        return True, end.value
    return False, None
