"""The handler: which subscribers receive the messages of an event, and what it returns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import pytest

from mega.aws.lambda_ import LambdaHandler
from mega.aws.lambda_.records import write_record
from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    Hook,
    MessageSubscriber,
    ProcessStatus,
)
from mega.errors import ConfigurationError, DecodeError, RetriableError
from mega.event import PayloadBuilder
from mega.hooks.idempotency import Idempotency, MemoryStore, Record
from mega.local import Server
from tests.aws.lambda_.documented import SNS_RECORD
from tests.aws.lambda_.events import Context, event_of, failed, record
from tests.local_aws import Service

Process = Callable[[Any, Any], Any]


def subscriber(process: Process, base: Any = MessageSubscriber, **members: Any) -> Any:
    """Return a subscriber class with a function of the instance and the payload."""
    return type('Recorder', (base,), {'process': process, **members})


def answering(answers: dict[Any, Any], **members: Any) -> Any:
    """Return a subscriber class that returns or raises the answer to the payload's field `n`."""

    def process(self: Any, payload: Any) -> Any:
        answer = answers.get(payload['n'])
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return subscriber(process, **members)


def numbers(count: int) -> list[dict[str, int]]:
    return [{'n': n} for n in range(1, count + 1)]


def test_the_payload_of_a_message_reaches_the_subscribers_that_match_it() -> None:
    seen: list[Any] = []

    class Created(EventSubscriber):
        name = 'order.created'

        def process(self, event: Any) -> None:
            seen.append(('event', event.event.name))

    class Large(DataSubscriber):
        pattern = {'total': 5}

        def process(self, payload: Any) -> None:
            message = self.message
            seen.append(('data', payload, message.attributes, message.receive_count))
            seen.append(('queue', message.queue_name))

    class Blob(BlobSubscriber):
        def process(self, payload: bytes) -> None:
            seen.append(('blob', payload))

    event = PayloadBuilder().with_event(name='order.created').build()
    records = [
        record(event, 'a', binary_encoding=True),
        record({'total': 5}, 'b', receives=3, tenant='acme', key=b'\0'),
        record(b'\0\1', 'c'),
    ]
    assert LambdaHandler([Created, Large, Blob])({'Records': records}, Context(9_000)) == {
        'batchItemFailures': []
    }
    assert seen == [
        ('event', 'order.created'),
        ('data', {'total': 5}, {'tenant': 'acme', 'key': b'\0'}, 3),
        ('queue', 'orders'),
        ('blob', b'\0\1'),
    ]


def test_a_message_that_asks_for_a_retry_is_reported() -> None:
    answers = {2: ProcessStatus.RETRY_LATER, 3: RetriableError(), 4: OSError('text')}
    handler = LambdaHandler([answering(answers, retriable_exceptions=(OSError,))])
    assert failed(handler(event_of(*numbers(5)))) == ['m-2', 'm-3', 'm-4']


def test_a_fatal_error_without_a_dead_letter_queue_is_reported() -> None:
    handler = LambdaHandler([answering({1: ProcessStatus.FATAL_ERROR, 2: ValueError('text')})])
    assert failed(handler(event_of(*numbers(3)))) == ['m-1', 'm-2']


def test_a_message_that_cannot_be_opened_is_reported() -> None:
    broken = {**record({}, 'm-2'), 'body': '{"a":'}
    handler = LambdaHandler([answering({})])
    assert failed(handler({'Records': [record({'n': 1}), broken]})) == ['m-2']


@pytest.mark.parametrize(('unmatched', 'reported'), [(None, []), ('leave', ['m-1'])])
def test_an_unmatched_message_is_deleted_or_left(unmatched: Any, reported: list[str]) -> None:
    handler = LambdaHandler([answering({}, pattern={'n': 5})], unmatched=unmatched)
    assert failed(handler(event_of({'n': 1}))) == reported


def test_on_a_fifo_queue_the_rest_of_a_failed_group_does_not_begin() -> None:
    seen: list[int] = []

    def process(self: Any, payload: Any) -> Any:
        seen.append(payload['n'])
        return ProcessStatus.RETRY_LATER if payload['n'] == 2 else None

    arn = 'arn:aws:sqs:eu-west-1:123456789012:orders.fifo'
    records = [
        record({'n': n}, f'm-{n}', arn=arn, group=group) for n, group in enumerate('aababa', 1)
    ]
    response = LambdaHandler([subscriber(process)])({'Records': records})
    assert failed(response) == ['m-2', 'm-4', 'm-6']
    assert seen == [1, 2, 3, 5]


def test_on_a_standard_queue_the_rest_of_a_message_group_begins() -> None:
    handler = LambdaHandler([answering({1: ProcessStatus.RETRY_LATER})])
    assert failed(handler(event_of(*numbers(3), group='a'))) == ['m-1']


def test_no_message_begins_within_the_margin_before_the_deadline(
    caplog: pytest.LogCaptureFixture,
) -> None:
    context, seen = Context(9_000), list[int]()

    def process(self: Any, payload: Any) -> None:
        seen.append(payload['n'])
        context.remaining -= 3_000

    handler = LambdaHandler([subscriber(process)], deadline_margin=timedelta(seconds=3))
    assert failed(handler(event_of(*numbers(4)), context)) == ['m-3', 'm-4']
    assert seen == [1, 2]
    problem = '2 of 4 messages did not begin: Lambda ends the function in 3.0 seconds'
    assert problem in caplog.text


def test_coroutines_share_one_event_loop_between_invocations() -> None:
    loops: list[Any] = []

    async def process(self: Any, payload: Any) -> None:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())

    with LambdaHandler([subscriber(process)]) as handler:
        for _ in range(2):
            assert failed(handler(event_of(*numbers(2)))) == []
    assert len(loops) == 4
    assert len(set(loops)) == 1
    assert loops[0].is_closed()


def test_a_handler_that_a_coroutine_calls_says_what_to_do() -> None:
    async def process(self: Any, payload: Any) -> None:
        pass

    async def call() -> None:
        LambdaHandler([subscriber(process)])(event_of({}))

    with pytest.raises(ConfigurationError, match='LambdaHandler in a function that is not async'):
        asyncio.run(call())


def test_hooks_run_around_each_message_and_subscriber() -> None:
    seen: list[Any] = []

    class Recorder(Hook):
        def around_delivery(self, message: Any) -> Any:
            seen.append(message.id)
            result = yield
            seen.append(result.settlement.action.value)

        def around_subscriber(self, subscriber: Any, message: Any, payload: Any) -> Any:
            outcome = yield
            seen.append(outcome.status)

    LambdaHandler([answering({2: ValueError()})], hooks=[Recorder()])(event_of(*numbers(2)))
    done, fatal = ProcessStatus.DONE, ProcessStatus.FATAL_ERROR
    assert seen == ['m-1', done, 'ack', 'm-2', fatal, 'leave']


def test_the_first_invocation_checks_the_hooks_until_they_can_work() -> None:
    answers = [ConfigurationError('the table does not exist'), None]
    checks: list[int] = []

    class Checked(Hook):
        def check(self) -> None:
            checks.append(1)
            if (answer := answers.pop(0)) is not None:
                raise answer

    handler = LambdaHandler([answering({})], hooks=[Checked()])
    assert checks == []
    with pytest.raises(ConfigurationError, match='the table does not exist'):
        handler(event_of({'n': 1}))
    for _ in range(2):
        assert failed(handler(event_of({'n': 1}))) == []
    assert len(checks) == 2


def test_a_hook_sees_the_remaining_time_of_the_function_as_that_of_the_message() -> None:
    seen: list[Any] = []

    class Recorder(Hook):
        def around_delivery(self, message: Any) -> Any:
            seen.append((message.time_left, message.lost))
            yield

    handler = LambdaHandler([answering({})], hooks=[Recorder()])
    handler(event_of({'n': 1}), Context(9_000))
    handler(event_of({'n': 1}))
    assert seen == [(9.0, False), (None, False)]


def test_a_message_is_taken_for_the_remaining_time_of_the_function() -> None:
    taken: list[float] = []

    class Recording(MemoryStore):
        def take(self, key: str, owner: str, seconds: float) -> Record | None:
            taken.append(seconds)
            return super().take(key, owner, seconds)

    context = Context(9_000)

    def process(self: Any, payload: Any) -> None:
        context.remaining -= 2_500

    handler = LambdaHandler([subscriber(process)], hooks=[Idempotency(Recording())])
    handler(event_of(*numbers(2)), context)
    assert taken[-2:] == [9.0, 6.5]


def test_each_message_has_its_own_context_variables() -> None:
    variable, seen = ContextVar('variable', default=0), list[int]()

    def process(self: Any, payload: Any) -> None:
        seen.append(variable.get())
        variable.set(5)

    LambdaHandler([subscriber(process)])(event_of(*numbers(2)))
    assert seen == [0, 0]


@pytest.mark.parametrize(
    'error', [SystemExit(1), MemoryError(), asyncio.CancelledError()], ids=repr
)
def test_a_request_to_exit_reports_its_message_alone(error: BaseException) -> None:
    assert failed(LambdaHandler([answering({1: error})])(event_of(*numbers(2)))) == ['m-1']


def test_an_interrupt_ends_the_handler() -> None:
    with pytest.raises(KeyboardInterrupt):
        LambdaHandler([answering({1: KeyboardInterrupt()})])(event_of(*numbers(2)))


def test_a_message_of_sns_reaches_the_subscribers() -> None:
    seen: list[Any] = []

    def process(self: Any, payload: Any) -> None:
        seen.append((payload, self.message.topic_arn, self.message.queue_name))

    LambdaHandler([subscriber(process)])({'Records': [SNS_RECORD]}, Context(9_000))
    assert seen == [({'amount': 5}, 'arn:aws:sns:us-east-1:123456789012:events', None)]


@pytest.mark.parametrize('error', [ValueError('secret 4111'), RetriableError('later')])
def test_a_message_of_sns_that_failed_raises_so_that_lambda_retries_it(error: Exception) -> None:
    def process(self: Any, payload: Any) -> None:
        raise error

    expected = (
        f'^the message 95df01b4-.* of SNS is not processed: {type(error).__name__} in Recorder$'
    )
    with pytest.raises(RetriableError, match=expected):
        LambdaHandler([subscriber(process)])({'Records': [SNS_RECORD]})


def test_an_event_of_a_pipe_is_a_list_of_records() -> None:
    handler = LambdaHandler([answering({2: ProcessStatus.RETRY_LATER})])
    assert failed(handler(event_of(*numbers(2))['Records'])) == ['m-2']


def test_a_client_is_created_for_the_first_delay(
    server: Server, clients: dict[Service, Any]
) -> None:
    sqs = clients['sqs']
    queue = sqs.create_queue(QueueName='orders')['QueueUrl']
    sqs.send_message(QueueUrl=queue, MessageBody='{"n": 1}')
    [received] = sqs.receive_message(QueueUrl=queue)['Messages']
    arn = 'arn:aws:sqs:eu-west-1:123456789012:orders'
    later = answering({1: RetriableError(0)})
    with LambdaHandler([later], **server.credentials) as handler:
        response = handler({'Records': [write_record(received, arn)]}, Context(30_000))
    assert failed(response) == [received['MessageId']]
    assert len(sqs.receive_message(QueueUrl=queue)['Messages']) == 1


def test_a_delay_without_a_region_is_dropped_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handler = LambdaHandler([answering({1: RetriableError(5)})])
    assert failed(handler(event_of({'n': 1}))) == ['m-1']
    assert 'without a delay: no AWS region' in caplog.text


def test_an_event_without_records_has_no_failures() -> None:
    assert failed(LambdaHandler([answering({})])({'Records': []})) == []


@pytest.mark.parametrize(
    ('event', 'named'),
    [
        ({'source': 'aws.s3', 'detail-type': 'Object Created', 'detail': {}}, "'Object Created'"),
        (
            {'Records': [{'eventSource': 'aws:s3', 's3': {}}]},
            "Records.0. is of the source 'aws:s3'",
        ),
        ({'httpMethod': 'GET', 'path': '/'}, 'a request of API Gateway'),
        ({'version': '2.0', 'routeKey': '$default'}, 'a request of API Gateway or a function URL'),
        ({'ping': True}, r"an object with the keys \['ping'\]"),
        (None, 'it is None'),
    ],
)
def test_an_event_of_another_kind_is_named(event: Any, named: str) -> None:
    with pytest.raises(DecodeError, match=f'^invalid Lambda event: .*{named}'):
        LambdaHandler([answering({})])(event)


def test_explain_says_why_a_subscriber_matches() -> None:
    class Large(DataSubscriber):
        pattern = {'n': 5}

        def process(self, payload: Any) -> None: ...

    handler = LambdaHandler([Large])
    assert handler.subscribers == (Large,)
    assert handler.explain({'n': 5}).matching == [Large]
    assert 'Large: n is 1' in str(handler.explain({'n': 1}))


@pytest.mark.parametrize(
    ('options', 'problem'),
    [
        ({'deadline_margin': -1}, 'deadline_margin=-1: must be 0 to 900 seconds'),
        ({'dead_letter_queue_url': 'orders'}, "dead_letter_queue_url='orders': pass the URL"),
        ({'unmatched': 'dead-letter'}, 'requires dead_letter_queue_url='),
        ({'max_receives': 3}, 'max_receives=3 requires dead_letter_queue_url='),
        ({'retry_delay': -1}, 'retry_delay=-1'),
        ({'unhandled': 'ignore'}, "unhandled='ignore'"),
        ({'hooks': ['text']}, "'text' is not a hook"),
    ],
    ids=lambda each: '-'.join(each) if isinstance(each, dict) else '',
)
def test_an_invalid_option_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        LambdaHandler([answering({})], **options)


def test_a_handler_needs_subscribers() -> None:
    with pytest.raises(ConfigurationError, match='no subscribers'):
        LambdaHandler([])


def test_the_log_does_not_contain_the_text_of_an_exception(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    LambdaHandler([answering({1: ValueError('4111 1111')})])(event_of({'n': 1}))
    assert 'ValueError' in caplog.text
    assert '4111' not in caplog.text
