"""A supervisor with imaginary processes, in virtual time."""

from __future__ import annotations

from mega.cli.listen.snapshot import ProcessState
from mega.cli.listen.supervisor import Supervisor
from mega.cli.listen.supervisor.commands import (
    Ending,
    Kill,
    Start,
    Stop,
    SupervisorSettings,
    Tell,
)

__all__ = ('GRACE', 'Supervision')

GRACE = 20.0
"""The grace period of every process, in seconds."""

STARTING, READY, STOPPING = ProcessState


class Supervision:
    """Reports events to a supervisor, and runs its commands. `processes` are the running processes.

    `receiving` are the processes that made a receive, also if they have ended.
    `told` has the lines for the user, with the number of the process before them.
    """

    def __init__(self, **settings: object) -> None:
        self.supervisor = Supervisor(SupervisorSettings(**settings), lambda low, high: high)  # type: ignore[arg-type]
        self.now = 0.0
        self.processes: dict[int, ProcessState] = {}
        self.receiving: set[int] = set()
        self.killed: set[int] = set()
        self.told: list[str] = []
        self.step()

    def step(self) -> list[Start | Stop | Kill]:
        """Run the commands, and return them without the lines for the user."""
        run: list[Start | Stop | Kill] = []
        while (command := self.supervisor.next(self.now)) is not None:
            if isinstance(command, Tell):
                about = '' if command.number is None else f'{command.number} '
                self.told.append(f'{about}{command.text}')
                continue
            run.append(command)
            if isinstance(command, Start):
                self.processes[command.number] = STARTING
            elif isinstance(command, Stop):
                self.processes[command.number] = STOPPING
            else:
                self.killed.add(command.number)
        return run

    def receive(self, number: int) -> list[Start | Stop | Kill]:
        self.receiving.add(number)
        self.supervisor.receiving(number, GRACE)
        return self.step()

    def ready(self, *numbers: int) -> list[Start | Stop | Kill]:
        run = []
        for number in numbers:
            run += self.receive(number)
            if self.processes[number] is STARTING:
                self.processes[number] = READY
            self.supervisor.ready(number, self.now)
            run += self.step()
        return run

    def end(self, number: int, status: int = 0, problem: str = '') -> list[Start | Stop | Kill]:
        return self.ended(number, Ending(status, problem))

    def drained(self, number: int) -> list[Start | Stop | Kill]:
        return self.ended(number, Ending(0, has_drained=True))

    def ended(self, number: int, ending: Ending) -> list[Start | Stop | Kill]:
        del self.processes[number]
        self.supervisor.ended(number, ending, self.now)
        return self.step()

    def report(self, number: int, messages: int = 0, size: int = 0) -> list[Start | Stop | Kill]:
        self.supervisor.reported(number, messages, size)
        return self.step()

    def stop(self) -> list[Start | Stop | Kill]:
        self.supervisor.stop(self.now)
        return self.step()

    def restart(self) -> list[Start | Stop | Kill]:
        self.supervisor.restart('SIGHUP', self.now)
        return self.step()

    def add(self) -> list[Start | Stop | Kill]:
        self.supervisor.add()
        return self.step()

    def remove(self) -> list[Start | Stop | Kill]:
        self.supervisor.remove(self.now)
        return self.step()

    def wait(self) -> list[Start | Stop | Kill]:
        """Let the time pass until the next deadline of the supervisor."""
        self.now = self.supervisor.next_deadline
        return self.step()

    @property
    def exit_code(self) -> int | None:
        """The exit code of the command; None before its end."""
        return self.supervisor.exit_code if self.supervisor.is_finished else None
