from __future__ import annotations

from pathlib import Path

from mega.cli.listen.source_polling import SourcePolling
from mega.cli.listen.source_watcher import SourceWatcher


class SlowWatcher(SourceWatcher):
    """Takes `seconds` of virtual time for a scan, and finds `files`."""

    def __init__(self, seconds: float = 0.0, *files: str) -> None:
        self.now = 0.0
        self.scans = 0
        self._seconds = seconds
        self._found = files

    def clock(self) -> float:
        return self.now

    def changed(self) -> frozenset[Path]:
        self.now += self._seconds
        self.scans += 1
        return frozenset(map(Path, self._found))


def test_the_sources_are_scanned_every_half_second() -> None:
    watcher = SlowWatcher()
    polling = SourcePolling(watcher, watcher.clock)
    assert polling.changes() == ''
    assert (watcher.scans, polling.next_at) == (1, 0.5)
    watcher.now = 0.4
    assert polling.changes() == ''
    assert watcher.scans == 1
    watcher.now = 0.5
    assert polling.changes() == ''
    assert watcher.scans == 2


def test_slow_scans_take_at_most_a_tenth_of_the_time() -> None:
    watcher = SlowWatcher(2.0)
    polling = SourcePolling(watcher, watcher.clock)
    polling.changes()
    assert polling.next_at == 22


def test_changed_files_are_described_in_a_few_words() -> None:
    one, three = SlowWatcher(0.0, 'a.py'), SlowWatcher(0.0, 'shop/b.py', 'a.py', 'c.py')
    assert SourcePolling(one, one.clock).changes() == 'a.py changed'
    assert SourcePolling(three, three.clock).changes() == 'a.py and 2 more changed'
