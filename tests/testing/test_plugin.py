"""The pytest plugin `_mega_pytest`, in processes of their own, as a project of a user runs it."""

from __future__ import annotations

import configparser
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mega.aws.sqs import SqsPublisher
from mega.local import LocalAws
from mega.testing.endpoint import Endpoint

ROOT = Path(__file__).parents[2]

LOADED = """
import sys

def pytest_sessionfinish():
    packages = {name.partition('.')[0] for name in sys.modules}
    print('loaded:', sorted(packages & {'mega', 'boto3', 'botocore', 'hypothesis'}))
"""

TESTS = """
import threading

import pytest

buses, servers = [], []

def test_without_a_fixture():
    assert threading.active_count() == 1

@pytest.mark.parametrize('number', [1, 2])
def test_bus(mega_bus, number):
    queue = mega_bus.queue('orders')
    mega_bus.sqs.send_message(QueueUrl=queue, MessageBody=f'order {number}')
    assert [each.payload for each in mega_bus.published()] == [f'order {number}']
    buses.append(mega_bus)
    assert threading.active_count() == 1

def test_each_test_has_its_own_bus():
    assert buses[0] is not buses[1]

@pytest.mark.parametrize('number', [1, 2])
def test_server(mega_aws, number):
    from mega.aws.sqs import SqsPublisher
    queue_url = mega_aws.create_queue(f'orders-{number}')
    with SqsPublisher(queue_url, **mega_aws.credentials) as publisher:
        publisher.publish({'order': number})
    servers.append(mega_aws)

def test_all_tests_have_one_server():
    assert servers[0] is servers[1]
    assert len(servers[0].accepted()) == 2
"""

WITH_AN_ENDPOINT = """
import threading

import pytest

def test_endpoint(mega_aws):
    assert mega_aws.endpoint_url == {url!r}
    assert mega_aws.credentials == {credentials!r}
    assert threading.active_count() == 1
    with pytest.raises(AttributeError, match="'advance'.*without --mega-endpoint-url"):
        mega_aws.advance(60)
"""


def run_pytest(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a directory, with this plugin and no other."""
    environment = {
        **os.environ,
        'PYTEST_DISABLE_PLUGIN_AUTOLOAD': '1',
        'PYTHONPATH': str(ROOT),
        'PYTHONDONTWRITEBYTECODE': '1',
    }
    command = [sys.executable, '-m', 'pytest', '-p', '_mega_pytest', '-p', 'no:cacheprovider']
    return subprocess.run(
        [*command, '-W', 'error', *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_pytest_loads_nothing_of_the_library_before_a_fixture(tmp_path: Path) -> None:
    (tmp_path / 'conftest.py').write_text(LOADED)
    (tmp_path / 'test_empty.py').write_text('')
    run = run_pytest(tmp_path, '--collect-only', '-s')
    assert 'loaded: []' in run.stdout, run.stdout + run.stderr


def test_the_fixtures_are_a_bus_for_each_test_and_a_server_for_all(tmp_path: Path) -> None:
    (tmp_path / 'test_fixtures.py').write_text(TESTS)
    run = run_pytest(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert '7 passed' in run.stdout


@pytest.mark.parametrize(
    ('option', 'url', 'credentials'),
    [
        ('http://127.0.0.1:9', 'http://127.0.0.1:9', {'endpoint_url': 'http://127.0.0.1:9'}),
        ('aws', None, {}),
    ],
)
def test_the_option_replaces_the_server(
    tmp_path: Path, option: str, url: str | None, credentials: dict[str, str]
) -> None:
    program = WITH_AN_ENDPOINT.format(url=url, credentials=credentials)
    (tmp_path / 'test_endpoint.py').write_text(program)
    run = run_pytest(tmp_path, '--mega-endpoint-url', option)
    assert run.returncode == 0, run.stdout + run.stderr


def test_an_endpoint_connects_publishers_to_a_server() -> None:
    with LocalAws() as aws:
        queue_url = aws.create_queue('orders')
        with SqsPublisher(
            queue_url,
            aws_access_key_id='testing',
            aws_secret_access_key='testing',
            region_name='us-east-1',
            **Endpoint(aws.endpoint_url).credentials,
        ) as publisher:
            publisher.publish({'order': 1})
        assert len(aws.accepted()) == 1
    assert Endpoint(None).credentials == {}


def test_an_endpoint_explains_that_it_cannot_be_controlled() -> None:
    with pytest.raises(AttributeError, match="no 'advance', which only LocalAws has"):
        Endpoint('http://127.0.0.1:9').advance(60)


def test_an_invalid_url_is_a_usage_error(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, '--mega-endpoint-url', '127.0.0.1:4566')
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert '--mega-endpoint-url must be `aws` or a URL' in run.stderr


def test_the_tests_of_the_project_run_with_the_plugin() -> None:
    run = run_pytest(ROOT, '--collect-only', '-q', '-p', 'pytest_cov', 'tests/test_timestamps.py')
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_package_contains_the_plugin() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / 'setup.cfg')
    assert settings['options']['py_modules'].split() == ['_mega_pytest']
    entry_points = settings['options.entry_points']['pytest11'].strip()
    assert entry_points == '_mega_pytest = _mega_pytest'
    assert importlib.util.find_spec('_mega_pytest') is not None
