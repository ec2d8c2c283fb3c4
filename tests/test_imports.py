"""The public names of each module, and the modules that an import loads."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import mega
from mega import testing

ROOT = Path(__file__).parent.parent

# The public names. Users import no others.
PUBLIC = {
    'mega.event': 'Event ObjectData Payload PayloadBuilder event',
    'mega.match': 'Explanation Explanations Finding Pattern PatternSet evaluate explain',
    'mega.match.functions': 'and_ any_ between cidr contains contains_all empty eq every exactly '
    'exists field fullmatch gt gte iequals in_ is_a json_text length lt lte match missing neq '
    'none_of not_ one_of optional or_ prefix search substring suffix wildcard',
    'mega.match.eventbridge': 'from_eventbridge',
    'mega.codec': 'PayloadType StreamedPayload decode encode payload_type_hint',
    'mega.aws.sqs': 'ReceivedMessage SqsPublisher SqsReceiver',
    'mega.aws.sqs.publish': 'SqsPublisher',
    'mega.aws.sqs.receive': 'ReceivedMessage SqsReceiver',
    'mega.aws.sns': 'FilterPolicy SnsPublisher Widened to_filter_policy',
    'mega.aws.sns.publish': 'SnsPublisher',
    'mega.aws.s3': 'Pointer S3PayloadStore',
    'mega.aws.sqs.subscribe': 'Activity Backoff BlobSubscriber DataSubscriber DeliveryResult '
    'EventSubscriber Hook Message MessageSubscriber Outcome ProcessStatus SqsListener Stats '
    'StreamSubscriber StreamedPayload TextSubscriber blocking',
    'mega.logging': 'DeliveryFilter JsonFormatter current_delivery',
    'mega.schema': 'to_asyncapi to_json_schema',
    'mega.outbox': 'FailedMessage Outbox OutboxRelay RelayCounts',
    'mega.aws.lambda_': 'LambdaHandler',
    'mega.aws.extended': 'ExtendedClient ExtendedSession extend_sqs',
    'mega.hooks': 'DeliveryResult Hook Instrumentation Outcome Outgoing PublishHook PublishResult '
    'Reason RelayedBatch Settlement SettlementAction SettlementCall StatsField blocking',
    'mega.hooks.dynamodb': 'DynamoDbStore',
    'mega.hooks.opentelemetry': 'OpenTelemetry',
    'mega.hooks.prometheus': 'Prometheus',
    'mega.hooks.redis': 'RedisStore',
    'mega.hooks.sql': 'SqlStore',
    'mega.hooks.idempotency': 'Idempotency IdempotencyStats IdempotencyStore MemoryStore Record '
    'default_key',
    'mega.testing': 'Bucket Bus DeadLetter EventSourceMapping IdempotencyStoreTests Outcome '
    'ProcessedMessage PublishedMessage Queue Topic deliver',
    'mega.testing.strategies': 'matching not_matching',
    'mega.errors': 'ConfigurationError ConsumeError DecodeError EncodeError EnvelopeError '
    'EventError InvalidPayloadError MegaError OffloadError PatternError PayloadStreamError '
    'PayloadTooLargeError PointerError PublishError RetriableError SettlementError TransportError',
}
# The public names of types, for annotations.
TYPES = {
    'mega.aws.sqs.subscribe': 'AnyPayload HookGenerator ProcessResult Subscriber',
    'mega.codec': 'AnyPayload Publishable WirePayload',
    'mega.hooks': 'HookGenerator',
    'mega.hooks.idempotency': 'Key KeyFunction KeyValue',
}
# Names that these modules export for the rest of the package. They are not public.
INTERNAL = {
    'mega.event': 'is_mega_event',
    'mega.codec': 'encode_with_type_hint looks_like_envelope to_document to_untyped',
    'mega.errors': 'MAX_ERROR_CHARACTERS Seconds check_int check_seconds check_whole_seconds '
    'join_path safe_repr single_line',
    'mega.logging': 'about bind_message bind_subscriber format_time get_logger with_queue',
}
SUBSCRIBE = 'mega.aws.sqs.subscribe'
FILTER_POLICIES = 'mega.aws.sns.filter_policy'
MODULES = sorted(module.name for module in pkgutil.walk_packages(mega.__path__, 'mega.'))


WITH_THE_FIRST_CLIENT = {'mega.aws._transport.connections', 'mega.aws._transport.direct'}


@functools.cache
def loaded_by(statement: str) -> set[str]:
    """Return the modules that a new process has loaded after a statement."""
    program = f'{statement}\nimport sys\nprint(*sys.modules)'
    run = subprocess.run(
        [sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    'statement',
    [
        'from mega.aws.sqs.subscribe import SqsListener',
        'import ' + ', '.join(name for name in MODULES if name not in WITH_THE_FIRST_CLIENT),
    ],
    ids=['subscribe', 'everything'],
)
def test_no_import_loads_boto3(statement: str) -> None:
    """Loading boto3 takes half a second, and a test of a subscriber does not need it."""
    loaded = loaded_by(statement)
    assert 'mega.aws.sqs.subscribe' in loaded
    assert not loaded & {'boto3', 'botocore', 's3transfer', 'urllib3'}


def test_the_library_of_signatures_is_loaded_only_to_verify_them() -> None:
    listener = "SqsListener('https://sqs.eu-west-1.amazonaws.com/1/a', allowed_topics=["
    listener += "'arn:aws:sns:eu-west-1:1:a'], verify_sns_signatures={})"
    statement = f'from mega.aws.sqs.subscribe import SqsListener; {listener}'
    assert 'cryptography' not in loaded_by(statement.format(False))
    assert 'cryptography' in loaded_by(statement.format(True))


def test_the_library_of_bson_is_loaded_with_the_first_body_in_bson() -> None:
    assert 'bson' not in loaded_by('import mega.aws.sqs.subscribe.listener, mega.testing')
    assert 'bson' not in loaded_by('import mega.codec; mega.codec.decode(\'{"a": 1}\')')
    assert 'bson' in loaded_by('import mega.codec; mega.codec.decode("BQAAAAA=")')


@pytest.mark.parametrize('module', ['mega.aws.sqs', 'mega.aws.sqs.publish', 'mega.aws.sns.publish'])
def test_publishers_do_not_import_patterns(module: str) -> None:
    loaded = loaded_by(f'import {module}')
    assert not {name for name in loaded if name.startswith(('mega.match', FILTER_POLICIES))}


def test_a_hook_of_a_publisher_does_not_import_the_listener() -> None:
    loaded = loaded_by('from mega.hooks import PublishHook, Outgoing, PublishResult')
    assert not {name for name in loaded if name.startswith('mega.aws.sqs.subscribe')}


def test_a_listener_imports_neither_filter_policies_nor_the_parser_of_eventbridge() -> None:
    loaded = loaded_by('import mega.aws.sqs.subscribe.listener')
    assert 'mega.match' in loaded
    unused = (
        FILTER_POLICIES,
        'mega.match.eventbridge.parser',
        'mega.match.eventbridge.value_parser',
    )
    assert not {name for name in loaded if name.startswith(unused)}


def test_sns_imports_filter_policies_on_first_use() -> None:
    assert not {
        each for each in loaded_by('import mega.aws.sns') if each.startswith(FILTER_POLICIES)
    }
    assert f'{FILTER_POLICIES}.policy' in loaded_by('from mega.aws.sns import to_filter_policy')


def test_subscribers_import_neither_the_listener_nor_a_publisher() -> None:
    loaded = loaded_by('from mega.aws.sqs.subscribe import Backoff, EventSubscriber, Hook')
    unused = ('mega.aws._publishing', f'{SUBSCRIBE}.engine', f'{SUBSCRIBE}.runtime')
    assert not {name for name in loaded if name.startswith(unused)}


HANDLER = """
from mega.aws.lambda_ import LambdaHandler
from mega.aws.sqs.subscribe import DataSubscriber
class Order(DataSubscriber):
    def process(self, payload): return None
record = {'messageId': 'a', 'receiptHandle': 'b', 'body': '{}', 'eventSource': 'aws:sqs',
          'eventSourceARN': 'arn:aws:sqs:eu-west-1:123456789012:orders'}
handler = LambdaHandler([Order]REST)
assert handler({'Records': [record]}) == {'batchItemFailures': []}
"""


def test_a_handler_of_lambda_imports_only_what_it_needs() -> None:
    loaded = loaded_by(HANDLER.replace('REST', ''))
    unused = (
        *('mega.aws._publishing', 'mega.aws.s3.store', 'mega.aws.sns.publish', FILTER_POLICIES),
        *(f'{SUBSCRIBE}.engine', f'{SUBSCRIBE}.listener', f'{SUBSCRIBE}.preflight', 'bson'),
        *('asyncio', 'boto3', 'botocore'),
    )
    assert not {name for name in loaded if name.startswith(unused)}


def test_a_handler_of_lambda_with_delays_creates_its_client_before_its_first_event() -> None:
    options = ", retry_delay=5, region_name='eu-west-1'"
    assert 'boto3' in loaded_by(HANDLER.replace('REST', options).partition('assert')[0])


def test_the_names_of_listeners_are_imported_on_first_use() -> None:
    assert f'{SUBSCRIBE}.runtime' in loaded_by(f'from {SUBSCRIBE} import SqsListener')


def test_the_package_imports_none_of_its_modules() -> None:
    assert {name for name in loaded_by('import mega') if name.startswith('mega')} == {'mega'}


def test_the_test_kit_imports_its_modules_on_first_use() -> None:
    loaded = loaded_by('import mega.testing')
    of_mega = {name for name in loaded if name.startswith('mega')}
    assert of_mega == {'mega', 'mega._lazy_import', 'mega.testing'}
    assert 'mega.testing.delivery' in loaded_by('from mega.testing import deliver')


def test_the_names_of_the_test_kit_need_neither_boto3_nor_hypothesis() -> None:
    loaded = loaded_by(f'from mega.testing import {", ".join(testing.__all__)}')
    assert not loaded & {'boto3', 'botocore', 'hypothesis', 'pytest'}


@pytest.mark.parametrize('module', ['mega.event', 'mega.match', 'mega.match.functions'])
def test_events_and_patterns_do_not_import_the_codec_or_aws(module: str) -> None:
    loaded = {name.partition('.')[2].partition('.')[0] for name in loaded_by(f'import {module}')
              if name.startswith('mega.')}  # fmt: skip
    assert loaded <= {'errors', 'json_reading', '_lazy_import', 'timestamps', module.split('.')[1]}


@pytest.mark.parametrize('module', PUBLIC)
def test_a_module_exports_its_public_names_and_no_others(module: str) -> None:
    exported = importlib.import_module(module).__all__
    names = f'{PUBLIC[module]} {TYPES.get(module, "")} {INTERNAL.get(module, "")}'
    assert sorted(exported) == sorted(names.split())


def test_every_exported_name_exists() -> None:
    for module in MODULES:
        found = importlib.import_module(module)
        exported = getattr(found, '__all__', ())
        assert isinstance(exported, tuple), module
        assert len(set(exported)) == len(exported), module
        assert not [name for name in exported if not hasattr(found, name)], module


@pytest.mark.parametrize('module', PUBLIC)
def test_every_public_name_has_a_docstring(module: str) -> None:
    found = importlib.import_module(module)
    assert found.__doc__
    for name in PUBLIC[module].split():
        value = getattr(found, name)
        assert inspect.isclass(value) or inspect.isfunction(value)
        assert value.__doc__, name


def test_both_import_paths_of_a_publisher_give_one_class() -> None:
    from mega.aws import sns, sqs
    from mega.aws.sns.publish import SnsPublisher
    from mega.aws.sqs.publish import SqsPublisher

    assert sqs.SqsPublisher is SqsPublisher
    assert sns.SnsPublisher is SnsPublisher


def test_every_error_is_a_mega_error() -> None:
    from mega import errors

    for name in PUBLIC['mega.errors'].split():
        assert issubclass(getattr(errors, name), errors.MegaError)


@pytest.mark.parametrize(
    ('error', 'bases'),
    [
        ('ConfigurationError', 'ValueError'),
        ('PatternError', 'TypeError ValueError'),
        ('EventError', 'ValueError'),
        ('EncodeError', 'PublishError ValueError'),
        ('PayloadTooLargeError', 'PublishError'),
        ('DecodeError', 'ConsumeError ValueError'),
        ('EnvelopeError', 'ConsumeError ValueError'),
        ('PointerError', 'ConsumeError ValueError'),
    ],
)
def test_an_error_is_also_the_builtin_error_that_it_refines(error: str, bases: str) -> None:
    from mega import errors

    known = {**vars(errors), 'ValueError': ValueError, 'TypeError': TypeError}
    for base in bases.split():
        assert issubclass(known[error], known[base])


def test_typed_payloads_import_neither_pydantic_nor_attrs() -> None:
    statement = 'import mega.event.reading, mega.aws.sqs.subscribe.listener, mega.schema'
    assert not loaded_by(statement) & {'pydantic', 'attr', 'attrs'}
