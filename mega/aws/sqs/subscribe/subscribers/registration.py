"""Checks of a subscriber class at its registration: the listener can create and call it."""

from __future__ import annotations

import inspect
from collections.abc import Collection

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.subscribers.declaration import accepts_arguments
from mega.aws.sqs.subscribe.subscribers.subscriber import MessageSubscriber, Subscriber
from mega.errors import ConfigurationError, safe_repr

__all__ = ('check_subscriber',)

_SAMPLE = Message('', '', '')


def check_subscriber(subscriber: object) -> Subscriber:
    """Check a subscriber, and return it.

    The check creates an instance, as the listener does for each delivery.

    Raises:
        ConfigurationError: for an object that is not a subscriber class, an abstract class, a class
            whose constructor needs arguments or raises, a class whose `message` cannot be set, or
            one whose `process` takes other arguments or is a generator.
    """
    if not inspect.isclass(subscriber):
        problem = 'register the class, not an instance of it'
        raise ConfigurationError(f'{safe_repr(subscriber)} is not a subscriber class: {problem}')
    name = subscriber.__name__
    if not issubclass(subscriber, MessageSubscriber):
        problem = 'it must extend MessageSubscriber, EventSubscriber or another of them'
        raise ConfigurationError(f'{name} is not a subscriber class: {problem}')
    if inspect.isabstract(subscriber):
        raise ConfigurationError(f'{name} is abstract: it must define process(self, payload)')
    _check_instance(subscriber)
    return subscriber


def _check_instance(subscriber: Subscriber) -> None:
    """Check that the listener can create an instance, set its message, and call `process`."""
    name = subscriber.__name__
    if not accepts_arguments(subscriber):
        problem = 'the listener creates an instance for each delivery, without arguments'
        raise ConfigurationError(f'the constructor of {name} needs arguments: {problem}')
    try:
        instance = subscriber()
    except Exception as error:
        problem = 'the listener creates an instance for each delivery, and one now, as a check'
        kind = type(error).__name__
        raise ConfigurationError(f'the constructor of {name} raised {kind}: {problem}') from error
    try:
        instance.message = _SAMPLE
        is_kept = instance.message is _SAMPLE
    except Exception as error:
        raise ConfigurationError(_no_message(name, type(error).__name__)) from error
    if not is_kept:
        raise ConfigurationError(_no_message(name, 'it has another value afterwards'))
    if subscriber.payload_conversion is not None:
        _check_attributes(instance, subscriber.payload_conversion.sets)
    process = getattr(instance, 'process', None)
    if not accepts_arguments(process, None):
        raise ConfigurationError(f'{name}.process must accept (self, payload)')
    if inspect.isgeneratorfunction(process) or inspect.isasyncgenfunction(process):
        problem = 'the listener calls it, and would not run it: remove the `yield`'
        raise ConfigurationError(f'{name}.process is a generator: {problem}')


def _check_attributes(instance: MessageSubscriber, names: Collection[str]) -> None:
    """Check that the listener can set the attributes of a typed subscriber."""
    for name in names:
        try:
            setattr(instance, name, None)
        except Exception as error:
            problem = f'the listener cannot set `self.{name}` of {type(instance).__name__}'
            remedy = f'the class must not define `{name}`'
            raise ConfigurationError(f'{problem}: {type(error).__name__}: {remedy}') from error


def _no_message(name: str, reason: str) -> str:
    remedy = 'the class must neither be frozen nor define `message`'
    return f'the listener cannot set `self.message` of {name}: {reason}: {remedy}'
