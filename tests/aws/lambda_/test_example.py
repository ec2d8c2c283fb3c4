"""`examples/lambda`: its template, and its handler."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mega.aws.lambda_ import LambdaHandler
from mega.aws.lambda_.records import write_record
from mega.aws.sqs import SqsPublisher
from mega.local import Server
from mega.testing import Bus
from tests.aws.lambda_.documented import EVENTS
from tests.aws.lambda_.events import Context, failed
from tests.local_aws import Service

DIRECTORY = Path(__file__).parents[3] / 'examples' / 'lambda'
TEMPLATE = DIRECTORY / 'template.yaml'

pytestmark = [
    pytest.mark.skipif(not DIRECTORY.exists(), reason='only a checkout has the examples'),
    pytest.mark.no_cover,
]


class ManagedPolicies:
    """The ARNs of the policies of AWS that SAM gives to a function, without a call to IAM."""

    def load(self) -> dict[str, str]:
        names = ('AWSLambdaBasicExecutionRole', 'AWSLambdaSQSQueueExecutionRole')
        return {name: f'arn:aws:iam::aws:policy/service-role/{name}' for name in names}


@cache
def translated() -> dict[str, Any]:
    """The template without SAM, as CloudFormation gets it."""
    from cfnlint.decode import decode  # type: ignore[import-untyped]
    from samtranslator.translator.transform import transform  # type: ignore[import-untyped]

    template, _ = decode(str(TEMPLATE))
    assert template is not None
    template['Resources']['Function']['Properties']['CodeUri'] = 's3://bucket/key'
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv('AWS_DEFAULT_REGION', 'eu-west-1')
        found: dict[str, Any] = transform(template, {}, ManagedPolicies())
    return found


def properties(resource: str) -> dict[str, Any]:
    """The properties of a resource of the translated template."""
    found: dict[str, Any] = translated()['Resources'][resource]['Properties']
    return found


def permitted() -> dict[str, set[str]]:
    """The actions that the role of the function permits, by the queue."""
    found: dict[str, set[str]] = {}
    for policy in properties('FunctionRole')['Policies']:
        [statement] = policy['PolicyDocument']['Statement']
        assert statement['Effect'] == 'Allow'
        [queue, _] = statement['Resource']['Fn::Sub'][1]['queueName']['Fn::GetAtt']
        found[queue] = set(statement['Action'])
    return found


def test_cfn_lint_accepts_the_template(tmp_path: Path) -> None:
    from cfnlint.api import lint_file  # type: ignore[import-untyped]

    assert lint_file(TEMPLATE) == []
    # It reads the event source mapping and the policies only without SAM.
    path = tmp_path / 'translated.json'
    path.write_text(json.dumps(translated()))
    assert [each for each in lint_file(path) if each.rule.id.startswith('E')] == []


def test_the_requirements_name_the_wheel_of_this_version() -> None:
    setup = ConfigParser()
    setup.read(DIRECTORY.parents[1] / 'setup.cfg')
    wheel = f'src/sqs_mega-{setup["metadata"]["version"]}-py3-none-any.whl'
    assert wheel in (DIRECTORY / 'src' / 'requirements.txt').read_text().splitlines()


def test_lambda_reads_the_response_of_the_handler() -> None:
    assert properties('FunctionOrders')['FunctionResponseTypes'] == ['ReportBatchItemFailures']


def test_messages_stay_hidden_for_six_times_the_timeout_of_the_function() -> None:
    assert properties('Orders')['VisibilityTimeout'] == 6 * properties('Function')['Timeout']


def test_the_queue_for_dead_letters_is_that_of_the_redrive_policy() -> None:
    target = properties('Orders')['RedrivePolicy']['deadLetterTargetArn']
    assert target == {'Fn::GetAtt': ['DeadLetters', 'Arn']}
    variables = properties('Function')['Environment']['Variables']
    assert variables == {'DEAD_LETTER_QUEUE_URL': {'Ref': 'DeadLetters'}}
    assert properties('DeadLetters')['MessageRetentionPeriod'] == 14 * 86_400


def test_the_function_is_permitted_to_make_its_calls() -> None:
    of_lambda = {'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'}
    assert permitted()['Orders'] >= {*of_lambda, 'sqs:ChangeMessageVisibility'}
    assert permitted()['DeadLetters'] == {'sqs:SendMessage*'}


Load = Callable[..., ModuleType]


@pytest.fixture
def load(server: Server, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Imports the module of the function, with the settings of the local server."""
    names = {'region_name': 'default_region', 'endpoint_url': 'endpoint_url'}
    for option, value in server.credentials.items():
        monkeypatch.setenv(
            f'AWS_{names.get(option, option.removeprefix("aws_"))}'.upper(), str(value)
        )

    def load(**variables: str) -> ModuleType:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        spec = importlib.util.spec_from_file_location('orders', DIRECTORY / 'src' / 'orders.py')
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, 'orders', module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize('name', EVENTS)
def test_the_handler_accepts_each_event_that_aws_documents(name: str, load: Load) -> None:
    assert load().handler(EVENTS[name], Context(30_000)) == {'batchItemFailures': []}


def test_the_handler_makes_its_calls_to_sqs(
    clients: dict[Service, Any], load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    sqs = clients['sqs']
    queue, dead = (sqs.create_queue(QueueName=name)['QueueUrl'] for name in ('orders', 'dead'))
    module = load(DEAD_LETTER_QUEUE_URL=dead)
    with SqsPublisher(queue, client=sqs) as publisher:
        publisher.publish({'type': 'order', 'id': 7})
        publisher.publish(module.OrderPaid('7', 12.5))
        publisher.publish(module.OrderPaid('8', -1))
    received = sqs.receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=10,
        MessageAttributeNames=['All'],
        MessageSystemAttributeNames=['All'],
    )['Messages']
    caplog.set_level('INFO')
    arn = 'arn:aws:sqs:eu-west-1:123456789012:orders'
    event = {'Records': [write_record(each, arn) for each in received]}
    with module.handler as handler:
        assert failed(handler(event, Context(30_000))) == []
    assert 'imported order 7' in caplog.text
    assert 'receipt for order 7: 12.50' in caplog.text
    [letter] = sqs.receive_message(QueueUrl=dead, MessageAttributeNames=['All'])['Messages']
    assert '"error": "ValueError"' in letter['MessageAttributes']['MegaDeadLetter']['StringValue']


def test_the_subscribers_run_on_a_bus_with_the_settings_of_the_template(load: Load) -> None:
    bus, module = Bus(), load()
    dead = bus.queue('dead')
    orders = bus.queue(
        'orders',
        dead_letter=dead,
        max_receive_count=properties('Orders')['RedrivePolicy']['maxReceiveCount'],
        visibility_timeout=properties('Orders')['VisibilityTimeout'],
    )
    with SqsPublisher(orders, client=bus.sqs) as publisher:
        publisher.publish(module.OrderPaid('7', 12.5))
        publisher.publish({'type': 'order', 'id': 7})
    subscribers = module.handler.subscribers
    with LambdaHandler(subscribers, client=bus.sqs, dead_letter_queue_url=dead) as handler:
        mapping = bus.event_source_mapping(
            orders,
            handler,
            batch_size=properties('FunctionOrders')['BatchSize'],
            timeout=properties('Function')['Timeout'],
        )
        bus.run(mapping)
    bus.assert_processed(module.SendReceipt, times=1)
    bus.assert_processed(module.ImportOrder, times=1)
    bus.assert_nothing_left()
