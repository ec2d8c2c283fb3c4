"""The settings of the example, from `settings.ini`."""

from __future__ import annotations

from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

__all__ = ('Settings', 'read_settings')


@dataclass(frozen=True)
class Settings:
    message_groups: list[str]
    messages_per_group: int
    pause: float
    wait_time_seconds: int
    max_empty_receives: int


def read_settings() -> Settings:
    file = ConfigParser()
    file.read_string(Path(__file__).with_name('settings.ini').read_text(encoding='utf-8'))
    producer, consumer = file['producer'], file['consumer']
    return Settings(
        message_groups=producer['message_groups'].split(),
        messages_per_group=int(producer['messages_per_group']),
        pause=float(producer['pause']),
        wait_time_seconds=int(consumer['wait_time_seconds']),
        max_empty_receives=int(consumer['max_empty_receives']),
    )
