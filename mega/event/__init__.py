"""The MEGA event: what happened, to which object, and what else is worth knowing.

Pure data: nothing here knows of queues, bodies or patterns.
"""

from __future__ import annotations

from mega.event.builder import PayloadBuilder
from mega.event.payload import Event, ObjectData, Payload, is_mega_event

__all__ = ('Event', 'ObjectData', 'Payload', 'PayloadBuilder', 'is_mega_event')
