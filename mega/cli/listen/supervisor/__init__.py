"""Which child processes to start, replace, stop and kill: a state machine without processes.

commands.py    what the supervisor decides, and how a process ended
places.py      the places for processes, and the processes in them
restarts.py    the pauses before restarts, and the limit of restarts
supervisor.py  the decisions
"""

from __future__ import annotations

from mega.cli.listen.supervisor.supervisor import Supervisor

__all__ = ('Supervisor',)
