"""How hooks run around work: each hook is a generator that yields once.

hooks = [outer, inner]      outer before, inner before, work, inner after, outer after
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

from mega.aws._hooks.work import AwaitingWork, BlockingCall
from mega.errors import ConfigurationError, safe_repr

__all__ = ('IDLE', 'HookGenerator', 'check_hooks', 'hooks_with', 'run_with_hooks')

Kind = TypeVar('Kind')
Result = TypeVar('Result')

HookGenerator: TypeAlias = Generator[Any, Result, Result | None]
"""A generator with one `yield`, which returns the result. A returned value replaces the result.

It may also make calls that block, each with `yield from blocking(...)`.
"""


class _IdleHook(Generator[None, Any, None]):
    def send(self, value: object) -> None:
        if value is not None:  # the result of the work
            raise StopIteration

    def throw(self, error: Any, value: Any = None, traceback: Any = None) -> None:
        raise error if value is None else value


IDLE: HookGenerator[Any] = _IdleHook()
"""A hook that does nothing for one message. It has no state, so that all messages share it.

Its caller may leave it out, and `yield from` accepts it, as it does a new generator.
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
    hooks: Sequence[HookGenerator[Any]], work: AwaitingWork[Result]
) -> AwaitingWork[Result]:
    """Run work with hooks around it. The first hook is the outermost.

    An exception of a hook is raised at the `yield` of the hooks around it, and finally here.
    """
    begun = 0
    result: Any = None
    error: BaseException | None = None
    try:
        for hook in hooks:
            try:
                call = next(hook)
                while isinstance(call, BlockingCall):
                    answer, raised = yield call
                    call = hook.send(answer) if raised is None else hook.throw(raised)
            except StopIteration as end:
                result = end.value
                if result is None:
                    problem = 'a hook that returns before its yield must return a result'
                    raise RuntimeError(problem) from None
                work.close()
                break
            begun += 1
        else:
            result = yield from work
    except GeneratorExit:  # the work is closed
        raise
    except BaseException as failure:
        error = failure
    for hook in reversed(hooks[:begun]):
        try:
            call = hook.send(result) if error is None else hook.throw(error)
            while isinstance(call, BlockingCall):
                answer, raised = yield call
                call = hook.send(answer) if raised is None else hook.throw(raised)
            raise RuntimeError('a hook must yield exactly once')
        except StopIteration as end:
            if end.value is not None:
                result, error = end.value, None
        except GeneratorExit:
            raise
        except BaseException as failure:
            error = failure
    if error is not None:
        raise error
    assert result is not None
    value: Result = result
    return value
