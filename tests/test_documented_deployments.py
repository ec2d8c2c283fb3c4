"""The files in the guide to running listeners are complete, and allow a graceful stop."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import validate_parameters

from mega.cli.listen.health import PATHS
from mega.cli.listen.health_server import Address
from mega.cli.listen.supervisor.places import KILL_MARGIN

yaml: Any = pytest.importorskip('yaml', reason='a dependency of moto')

GUIDE = (Path(__file__).parent.parent / 'docs' / 'running.md').read_text(encoding='utf-8')

TARGET = 'shop.worker:listener'


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language in the guide."""
    return re.findall(rf'^```{language}\n(.*?)^```$', GUIDE, re.MULTILINE | re.DOTALL)


def documents() -> list[dict[str, Any]]:
    """Return the YAML documents in the guide."""
    return [document for block in blocks('yaml') for document in yaml.safe_load_all(block)]


def of_kind(kind: str) -> dict[str, Any]:
    [found] = [document for document in documents() if document.get('kind') == kind]
    return found


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def allows_graceful_stop(arguments: list[str], seconds: float) -> bool:
    """Return whether the time until SIGKILL is enough for the grace period of the arguments."""
    return (
        TARGET in arguments and float(option(arguments, '--grace-period')) + KILL_MARGIN < seconds
    )


def systemd_unit() -> ConfigParser:
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    [text] = blocks('ini')
    unit.read_string(text)
    return unit


def dockerfile() -> Iterator[tuple[str, str]]:
    """Yield the instructions with their arguments."""
    [text] = blocks('dockerfile')
    for line in text.splitlines():
        instruction, _, argument = line.partition(' ')
        yield instruction, argument


def validated(service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return a request that is valid in botocore's model of the service."""
    shape = Session().get_service_model(service).operation_model(operation).input_shape
    assert shape is not None
    validate_parameters(request, shape)
    return request


def test_systemd_stops_the_command_alone_and_waits_long_enough() -> None:
    service = systemd_unit()['Service']
    arguments = shlex.split(service['ExecStart'])
    assert arguments[0].endswith('/bin/mega')
    assert arguments[1] == 'listen'
    assert allows_graceful_stop(arguments, float(service['TimeoutStopSec']))
    assert (service['KillMode'], service['ExecReload']) == ('mixed', '/bin/kill -HUP $MAINPID')


def test_the_container_runs_the_command_as_process_1() -> None:
    commands = {name: json.loads(text) for name, text in dockerfile() if text.startswith('[')}
    assert commands['ENTRYPOINT'] == ['mega', 'listen']
    assert commands['CMD'][0] == TARGET


def test_compose_waits_long_enough() -> None:
    service = documents()[0]['services']['orders']
    assert allows_graceful_stop(service['command'], int(service['stop_grace_period'].rstrip('s')))


def test_compose_limits_the_processes_by_the_cpus_of_the_container() -> None:
    service = documents()[0]['services']['orders']
    assert option(service['command'], '-p') == 'auto'
    assert f'`cpus: {service["cpus"]}`' in GUIDE


def test_the_task_definition_is_valid_and_its_health_check_calls_the_port_of_the_command() -> None:
    task = validated('ecs', 'RegisterTaskDefinition', json.loads(blocks('json')[0]))
    [container] = task['containerDefinitions']
    assert allows_graceful_stop(container['command'], container['stopTimeout'])
    assert container['stopTimeout'] <= 120  # the maximum of Fargate
    address = Address.parse(option(container['command'], '--health'))
    [url] = re.findall(r"'(http://[^']+)'", container['healthCheck']['command'][-1])
    assert url == f'http://{address}/livez'
    compile(container['healthCheck']['command'][-1], 'healthCheck', 'exec')


def test_the_pods_wait_long_enough_and_their_probes_reach_the_port_of_the_command() -> None:
    pod = of_kind('Deployment')['spec']['template']['spec']
    [container] = pod['containers']
    assert allows_graceful_stop(container['args'], pod['terminationGracePeriodSeconds'])
    address = Address.parse(option(container['args'], '--health'))
    assert container['ports'] == [{'name': 'health', 'containerPort': address.port}]
    assert address.host == '0.0.0.0'
    probes = [container[name]['httpGet'] for name in ('livenessProbe', 'readinessProbe')]
    assert [probe['path'] for probe in probes] == ['/livez', '/readyz']
    assert {probe['port'] for probe in probes} == {'health'}


def test_the_selector_of_the_deployment_finds_its_pods() -> None:
    spec = of_kind('Deployment')['spec']
    assert spec['selector']['matchLabels'] == spec['template']['metadata']['labels']


def test_keda_scales_the_deployment() -> None:
    scaled = of_kind('ScaledObject')['spec']
    assert scaled['scaleTargetRef']['name'] == of_kind('Deployment')['metadata']['name']
    [trigger] = scaled['triggers']
    authentication = of_kind('TriggerAuthentication')['metadata']['name']
    assert trigger['authenticationRef']['name'] == authentication
    assert all(isinstance(value, str) for value in trigger['metadata'].values())


def test_the_scaling_policy_is_valid_and_returns_one_metric() -> None:
    policy = json.loads(blocks('json')[1])
    validated('application-autoscaling', 'PutScalingPolicy', policy)
    configuration = policy['TargetTrackingScalingPolicyConfiguration']
    metrics = configuration['CustomizedMetricSpecification']['Metrics']
    [backlog] = [each for each in metrics if each['ReturnData']]
    assert set(backlog['Expression'].split(' / ')) == {each['Id'] for each in metrics[:2]}
    assert configuration['TargetValue'] == 60 / 0.5 * 4  # as the text calculates


def test_every_path_of_the_health_server_is_documented() -> None:
    assert set(re.findall(r'^\| `(/\w+)` \|', GUIDE, re.MULTILINE)) == set(PATHS)
