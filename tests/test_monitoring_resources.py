"""The dashboard and the alarms in `resources/` are about metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Histogram

from mega.cli.listen.listener_metrics import listener_metrics
from mega.cli.listen.snapshot import ProcessSnapshot, ProcessState, Snapshot
from mega.hooks.prometheus import Prometheus
from mega.local.sqs.queues import MAX_IN_FLIGHT
from tests.cli.listen.test_health import FRESH

RESOURCES = Path(__file__).parent.parent / 'resources'
DASHBOARD = json.loads((RESOURCES / 'grafana-dashboard.json').read_text(encoding='utf-8'))

DERIVED = {'le'}
"""Labels of the samples of a histogram."""


def metrics() -> dict[str, set[str]]:
    """Return the names of all samples, with the names of their labels."""
    process = ProcessSnapshot(1, 'shop:a', ProcessState.READY, FRESH)
    found = {
        sample.name: {name for name, _ in sample.labels}
        for family in listener_metrics(Snapshot((process,), wanted=1))
        for sample in family.samples
    }
    hook = Prometheus(CollectorRegistry())
    for metric in vars(hook._metrics).values():
        name, labels = metric._name, set(metric._labelnames)
        if isinstance(metric, Histogram):
            found |= {f'{name}_{each}': labels | DERIVED for each in ('bucket', 'sum', 'count')}
        else:
            found[f'{name}_total' if metric._type == 'counter' else name] = labels
    return found


def expressions() -> list[str]:
    """Return the expressions of the dashboard and its variables."""
    queries = [each['query'] for each in DASHBOARD['templating']['list'] if each['type'] == 'query']
    targets = [target for panel in DASHBOARD['panels'] for target in panel['targets']]
    return [*queries, *(target['expr'] for target in targets)]


@pytest.mark.parametrize('expression', expressions())
def test_the_dashboard_uses_metrics_and_labels_that_exist(expression: str) -> None:
    [name] = re.findall(r'\bmega_\w+', expression)
    labels = {
        label.strip()
        for group in re.findall(r'by \(([^)]*)\)', expression)
        for label in group.split(',')
    }
    labels |= set(re.findall(r'[{,]\s*(\w+)=~?"', expression))
    labels |= set(re.findall(r'label_values\(\w+, (\w+)\)', expression))
    assert labels <= metrics()[name]


def test_the_legends_of_the_dashboard_are_labels_of_their_expressions() -> None:
    for panel in DASHBOARD['panels']:
        for target in panel['targets']:
            grouped = set(re.findall(r'\w+', ''.join(re.findall(r'by \((.*?)\)', target['expr']))))
            assert set(re.findall(r'{{(\w+)}}', target['legendFormat'])) <= grouped


def test_the_dashboard_shows_every_metric_of_the_hook() -> None:
    used = {re.sub(r'_(bucket|sum|count)$', '', name) for name in shown()}
    hook = {re.sub(r'_(bucket|sum|count)$', '', name) for name in metrics()}
    of_hook = {name for name in hook if not name.startswith('mega_listener_')}
    assert of_hook - used == {'mega_messages_started_total'}  # it is for the sum of a subscriber


def shown() -> set[str]:
    return {name for each in expressions() for name in re.findall(r'\bmega_\w+', each)}


def test_the_panels_do_not_overlap_and_say_what_they_show() -> None:
    places = [(each['gridPos']['x'], each['gridPos']['y']) for each in DASHBOARD['panels']]
    assert len(set(places)) == len(places)
    assert all(panel['description'].endswith('.') for panel in DASHBOARD['panels'])
    assert len({panel['id'] for panel in DASHBOARD['panels']}) == len(places)


# The alarms


def cloudformation() -> dict[str, dict[str, Any]]:
    """Return the properties of the alarms, by the names of the resources."""
    from cfnlint.decode import decode  # type: ignore[import-untyped]

    template, _ = decode(str(RESOURCES / 'cloudwatch-alarms.yaml'))
    return {name: each['Properties'] for name, each in template['Resources'].items()}


def terraform() -> dict[str, dict[str, str]]:
    """Return the arguments of the alarms, by the names of the resources."""
    text = (RESOURCES / 'cloudwatch-alarms.tf').read_text(encoding='utf-8')
    blocks = re.findall(
        r'^resource "aws_cloudwatch_metric_alarm" "(\w+)" {\n(.*?)^}', text, re.M | re.S
    )
    return {name: dict(re.findall(r'^ +(\w+) += (.*)$', body, re.M)) for name, body in blocks}


def snake(name: str) -> str:
    return re.sub(r'(?<=[a-z])(?=[A-Z])', '_', name.replace('OKActions', 'OkActions')).lower()


def in_terraform(value: Any) -> str:
    """Return a value of CloudFormation as it is in Terraform."""
    match value:
        case {'Ref': name}:
            return f'var.{snake(name)}'
        case {'Fn::Sub': text}:
            return (
                '"' + re.sub(r'\${(\w+)}', lambda found: f'${{var.{snake(found[1])}}}', text) + '"'
            )
        case [{'Name': name, 'Value': dimension}]:
            return f'{{ {name} = {in_terraform(dimension)} }}'
        case [action]:
            return f'[{in_terraform(action)}]'
        case str():
            return f'"{value}"'
    return str(value)


def test_the_alarms_for_terraform_are_those_for_cloudformation() -> None:
    expected = {
        snake(name): {snake(key): in_terraform(value) for key, value in properties.items()}
        for name, properties in cloudformation().items()
    }
    assert terraform() == expected


def test_cfn_lint_accepts_the_alarms() -> None:
    from cfnlint.api import lint_file  # type: ignore[import-untyped]

    assert lint_file(RESOURCES / 'cloudwatch-alarms.yaml') == []


def test_the_alarm_of_messages_in_flight_comes_before_the_limit_of_sqs() -> None:
    assert cloudformation()['InFlight']['Threshold'] == 0.8 * MAX_IN_FLIGHT
