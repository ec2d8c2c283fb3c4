"""TARGET: the listener, the relay or the class that a command loads from the user's code.

shop.worker:listener        an attribute of a module; `shop.worker:Settings.listener` also works
worker.py:listener          an attribute of a file
shop.worker                 a module that holds one listener
shop.worker:make_listener   a callable without arguments that returns the listener
shop.function:handler       a handler of Lambda, for the commands that only need its subscribers
shop.events:ItemAdded       a class
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import mega
from mega.aws.lambda_.handler import LambdaHandler
from mega.aws.sqs.subscribe.listener import SqsListener
from mega.aws.sqs.subscribe.subscribers.subscriber import MessageSubscriber
from mega.cli.exit_status import TargetError
from mega.errors import safe_repr

__all__ = ('Wanted', 'load_class', 'load_instance', 'load_listener', 'load_with_subscribers')

T = TypeVar('T')

_LIBRARY = str(Path(mega.__file__).parent)
"""An error is reported at the place in the user's code that called the library."""


@dataclass(frozen=True)
class Wanted(Generic[T]):
    """The classes that a command accepts as its target, and the noun for them in errors."""

    kinds: tuple[type[T], ...]
    noun: str
    nouns: str

    @property
    def name(self) -> str:
        return ' or '.join(kind.__name__ for kind in self.kinds)

    def find(self, module: ModuleType) -> dict[str, T]:
        """Return the objects of the class in a module, by name, but no class that it imports."""
        return {
            name: each
            for name, each in vars(module).items()
            if isinstance(each, self.kinds)
            and not (isinstance(each, type) and each.__module__ != module.__name__)
        }

    def present_in(self, module: ModuleType) -> str:
        """Return the names of the objects that `find` returns, for an error."""
        return f'{self.nouns} in the module: {", ".join(self.find(module)) or "none"}'


_LISTENER = Wanted((SqsListener,), 'listener', 'listeners')
_WITH_SUBSCRIBERS: Wanted[SqsListener | LambdaHandler] = Wanted(
    (SqsListener, LambdaHandler), 'listener', 'listeners'
)
_CLASS = Wanted((type,), 'class', 'classes')


def load_listener(target: str, app_dir: str = '.') -> SqsListener:
    """Import a target and return its listener. `app_dir` is put first on `sys.path`.

    Raises:
        TargetError: if the target cannot be imported, or is not a listener. It says why, and where
            in the user's code.
    """
    return load_instance(target, _LISTENER, app_dir)


def load_with_subscribers(target: str, app_dir: str = '.') -> SqsListener | LambdaHandler:
    """Import a target and return its listener or its handler of Lambda, as `load_listener` does."""
    return load_instance(target, _WITH_SUBSCRIBERS, app_dir)


def load_instance(target: str, wanted: Wanted[T], app_dir: str = '.') -> T:
    """Import a target and return its object of a class, as `load_listener` does."""
    module, path = _import_target(target, app_dir)
    if path:
        found = _attribute(target, module, path, wanted)
    else:
        found = _sole_instance(target, module, wanted)
    if isinstance(found, wanted.kinds):
        return found
    if isinstance(found, LambdaHandler):
        problem = f'is a LambdaHandler: this command needs an {wanted.name}'
        raise TargetError(f'{target!r} {problem}')
    is_subscriber = isinstance(found, type) and issubclass(found, MessageSubscriber)
    if is_subscriber and SqsListener in wanted.kinds:
        advice = f'create `listener = SqsListener(queue_url, [{path}])`, and name the listener'
        problem = f'is a subscriber, not an {wanted.name}: {advice} ({wanted.present_in(module)})'
        raise TargetError(f'{target!r} {problem}')
    if callable(found):
        return _call(target, found, wanted)
    raise TargetError(f'{target!r} is {safe_repr(found)}, not an {wanted.name}')


def load_class(target: str, app_dir: str = '.') -> type:
    """Import a target and return its class. `app_dir` is put first on `sys.path`.

    Raises:
        TargetError: if the target cannot be imported, or is not a class.
    """
    module, path = _import_target(target, app_dir)
    if not path:
        raise TargetError(f'{target!r} names a module: name a class in it, as in {target}:Order')
    found = _attribute(target, module, path, _CLASS)
    if isinstance(found, type):
        return found
    raise TargetError(f'{target!r} is {safe_repr(found)}, not a class')


def _import_target(target: str, app_dir: str) -> tuple[ModuleType, str]:
    """Import the module of a target, and return it with the path of the attribute."""
    directory = str(Path(app_dir).resolve())
    if directory not in sys.path:
        sys.path.insert(0, directory)
    name, _, path = target.partition(':')
    if name.endswith('.py') or '/' in name:
        return _import_file(target, Path(app_dir, name)), path
    return _import_module(target, name), path


def _import_module(target: str, name: str) -> ModuleType:
    if not name or not all(part.isidentifier() for part in name.split('.')):
        raise TargetError(f'{target!r} is not a target: pass module:attribute or path.py:attribute')
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f'{name}.'.startswith(f'{error.name}.'):
            where = 'it is not in the directory of --app-dir, and not installed'
            raise TargetError(f'{target!r}: no module named {error.name!r}: {where}') from error
        raise _import_error(target, name, error) from error
    except (Exception, SystemExit) as error:
        raise _import_error(target, name, error) from error


def _import_file(target: str, file: Path) -> ModuleType:
    """Import a file as a module under the name of the file, once.

    Its directory is on `sys.path`, so that it may import its neighbours.
    """
    if not file.is_file():
        raise TargetError(f'{target!r}: there is no file {str(file)!r}')
    known = getattr(sys.modules.get(file.stem), '__file__', None)
    if known is not None and Path(known).resolve() == file.resolve():
        return sys.modules[file.stem]
    directory = str(file.resolve().parent)
    if directory not in sys.path:
        sys.path.insert(0, directory)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise TargetError(f'{target!r}: {str(file)!r} is not a Python file')
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # as an import does, so that its classes can be pickled
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[file.stem]
        raise _import_error(target, str(file), error) from error
    return module


def _attribute(target: str, module: ModuleType, path: str, wanted: Wanted[Any]) -> object:
    found: object = module
    for name in path.split('.'):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            holder = getattr(found, '__name__', type(found).__name__)
            problem = f'{holder} has no attribute {name!r} ({wanted.present_in(module)})'
            raise TargetError(f'{target!r}: {problem}') from error
    return found


def _sole_instance(target: str, module: ModuleType, wanted: Wanted[T]) -> T:
    instances = wanted.find(module)
    if len({id(each) for each in instances.values()}) == 1:
        return next(iter(instances.values()))
    if not instances:
        problem = f'the module holds no {wanted.name}: name a callable that returns one'
        raise TargetError(f'{target!r}: {problem}, as in {target}:make_{wanted.noun}')
    first, *others = instances
    names = ', '.join([first, *others])
    problem = f'holds several {wanted.nouns} ({names}): name one: {target}:{first}'
    raise TargetError(f'{target!r} {problem}')


def _call(target: str, factory: object, wanted: Wanted[T]) -> T:
    assert callable(factory)
    try:
        inspect.signature(factory).bind()
    except (TypeError, ValueError) as error:
        problem = f'is not an {wanted.name}, and cannot be called without arguments: {error}'
        raise TargetError(f'{target!r} {problem}') from error
    try:
        found = factory()
    except (Exception, SystemExit) as error:
        raise TargetError(f'{target!r} cannot be called: {_describe(error)}') from error
    if isinstance(found, wanted.kinds):
        return found
    raise TargetError(f'{target!r} returned {safe_repr(found)}, not an {wanted.name}')


def _import_error(target: str, name: str, error: BaseException) -> TargetError:
    return TargetError(f'{target!r}: {name} cannot be imported: {_describe(error)}')


def _describe(error: BaseException) -> str:
    """Return the class, the text and the place of an error in the user's code."""
    if isinstance(error, SyntaxError):
        return f'SyntaxError: {error.msg} ({error.filename}, line {error.lineno})'
    frames = traceback.extract_tb(error.__traceback__)
    places = [frame for frame in frames if not frame.filename.startswith(('<frozen', _LIBRARY))]
    where = f' ({places[-1].filename}, line {places[-1].lineno})' if places else ''
    return f'{type(error).__name__}: {error}{where}'
