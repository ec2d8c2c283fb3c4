"""The MEGA event: its name and time, its object and any extra data.

This package contains only data. It does not depend on queues, bodies or patterns.
"""

from __future__ import annotations

from mega.event.builder import PayloadBuilder
from mega.event.declaration import event
from mega.event.payload import Event, ObjectData, Payload, is_mega_event

__all__ = ('Event', 'ObjectData', 'Payload', 'PayloadBuilder', 'event', 'is_mega_event')
