from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mega.cli.listen.source_watcher import SourceWatcher


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file that was last changed long ago."""
    file = tmp_path / 'orders.py'
    _write(file, 'one', age=1_000)
    return file


def _write(file: Path, text: str, age: float = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    if age:
        os.utime(file, (file.stat().st_mtime - age, file.stat().st_mtime - age))


def _changed(watcher: SourceWatcher) -> set[str]:
    """Return the names of the files that two scans report."""
    return {file.name for file in watcher.changed() | watcher.changed()}


def _watch(directory: Path, **options: Any) -> SourceWatcher:
    return SourceWatcher([directory], **options)


def test_an_edited_file_is_reported_once_as_soon_as_two_scans_agree(source: Path) -> None:
    watcher = _watch(source.parent)
    assert watcher.changed() == frozenset()
    source.write_text('two')
    assert watcher.changed() == frozenset()
    assert watcher.changed() == {source}
    assert _changed(watcher) == set()


def test_a_file_that_is_still_being_written_is_reported_when_it_is_complete(source: Path) -> None:
    watcher = _watch(source.parent)
    for text in ('tw', 'two', 'two, three'):
        source.write_text(text)
        assert watcher.changed() == frozenset()
    assert watcher.changed() == {source}


def test_a_new_modification_time_without_new_content_is_not_a_change(source: Path) -> None:
    watcher = _watch(source.parent)
    source.touch()
    assert _changed(watcher) == set()
    source.write_text('one')
    assert _changed(watcher) == set()


def test_new_content_with_the_old_size_and_modification_time_is_a_change(source: Path) -> None:
    watcher = _watch(source.parent)
    times = source.stat().st_mtime_ns, source.stat().st_mtime_ns
    source.write_text('two')
    os.utime(source, ns=times)
    assert _changed(watcher) == {'orders.py'}
    source.write_text('six')
    os.utime(source, ns=times)
    assert _changed(watcher) == {'orders.py'}


def test_an_edit_that_is_undone_before_it_was_reported_is_not_a_change(source: Path) -> None:
    watcher = _watch(source.parent)
    source.write_text('two')
    assert watcher.changed() == frozenset()
    source.write_text('one')
    assert _changed(watcher) == set()


def test_a_new_file_and_a_deleted_one_are_changes(source: Path) -> None:
    watcher = _watch(source.parent)
    _write(source.parent / 'package' / 'new.py', '')
    source.unlink()
    assert _changed(watcher) == {'new.py', 'orders.py'}
    source.write_text('one')
    assert _changed(watcher) == {'orders.py'}


def test_a_file_that_an_editor_replaces_is_one_change_or_none(source: Path) -> None:
    watcher = _watch(source.parent)
    source.rename(source.with_suffix('.py~'))
    assert watcher.changed() == frozenset()
    _write(source.with_suffix('.new'), 'one')
    source.with_suffix('.new').rename(source)
    assert _changed(watcher) == set()
    _write(source.with_suffix('.new'), 'two')
    source.with_suffix('.new').rename(source)
    assert _changed(watcher) == {'orders.py'}
    assert _changed(watcher) == set()


@pytest.mark.parametrize(
    'path',
    [
        '.git/hook.py',
        '.venv/lib/a.py',
        'shop/__pycache__/a.py',
        'node_modules/a.py',
        'env/lib/python3.10/site-packages/a.py',
        'env/bin/activate.py',
        'orders.pyc',
        'data.json',
    ],
)
def test_other_files_are_not_watched(path: str, tmp_path: Path) -> None:
    _write(tmp_path / 'env' / 'pyvenv.cfg', '')
    watcher = _watch(tmp_path)
    _write(tmp_path / path, 'text')
    assert _changed(watcher) == set()


def test_a_hidden_directory_is_watched_if_it_is_named(tmp_path: Path) -> None:
    _write(tmp_path / '.shop' / 'pyvenv.cfg', '')
    watcher = _watch(tmp_path / '.shop')
    _write(tmp_path / '.shop' / 'a.py', '')
    assert _changed(watcher) == {'a.py'}


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'include': ['*.json', '*.y*ml']}, {'a.json', 'a.yaml'}),
        ({'include': ['shop/*.py']}, {'a.py', 'test_a.py', 'b.py'}),
        ({'include': ['./shop/deep/*']}, {'b.py'}),
        ({'exclude': ['test_*']}, {'a.py', 'b.py'}),
        ({'exclude': ['deep']}, {'a.py', 'test_a.py'}),
        ({'exclude': ['shop/deep', 'shop/a.py']}, {'test_a.py'}),
        ({'include': []}, set()),
    ],
)
def test_globs_select_files_by_name_or_by_path(
    options: dict[str, Any], expected: set[str], tmp_path: Path
) -> None:
    watcher = _watch(tmp_path, **options)
    for path in ('shop/a.py', 'shop/test_a.py', 'shop/deep/b.py', 'a.json', 'a.yaml'):
        _write(tmp_path / path, '')
    assert _changed(watcher) == expected


def test_symbolic_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    watched, elsewhere = tmp_path / 'watched', tmp_path / 'elsewhere'
    _write(elsewhere / 'linked.py', 'one', age=1_000)
    watched.mkdir()
    (watched / 'package').symlink_to(elsewhere)
    (watched / 'again').symlink_to(elsewhere)
    (watched / 'loop').symlink_to(watched)
    (watched / 'itself.py').symlink_to('itself.py')
    (watched / 'nowhere.py').symlink_to('missing')
    watcher = _watch(watched)
    _write(elsewhere / 'linked.py', 'two')
    assert _changed(watcher) == {'linked.py'}


def test_a_directory_below_two_watched_ones_is_scanned_once(tmp_path: Path) -> None:
    watcher = SourceWatcher([tmp_path, tmp_path / 'shop'])
    _write(tmp_path / 'shop' / 'a.py', '')
    watcher.changed()
    assert watcher.changed() == {tmp_path / 'shop' / 'a.py'}


def test_a_directory_may_vanish_and_return(source: Path) -> None:
    watcher = _watch(source.parent)
    source.parent.rename(aside := source.parent.with_name('aside'))
    assert _changed(watcher) == {'orders.py'}
    shutil.copytree(aside, source.parent)
    assert _changed(watcher) == {'orders.py'}


def test_what_is_not_a_regular_file_is_not_read(tmp_path: Path) -> None:
    watcher = _watch(tmp_path)
    os.mkfifo(tmp_path / 'pipe.py')
    assert _changed(watcher) == set()


def test_of_a_large_file_the_modification_time_counts(tmp_path: Path) -> None:
    file = tmp_path / 'large.py'
    _write(file, '#' * 1_100_000, age=1_000)
    watcher = _watch(tmp_path)
    assert _changed(watcher) == set()
    file.touch()
    assert _changed(watcher) == {'large.py'}
