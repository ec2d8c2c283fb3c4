"""What the documentation of SQS leaves open is decided by the caller, and changes are observed."""

from __future__ import annotations

from collections.abc import Callable, Collection

from mega.local.account import Account
from mega.local.sqs.decisions import Decisions
from mega.local.sqs.observer import Observer, Removal
from mega.local.sqs.stored import Receipt, StoredMessage
from tests.local.aws_account import LocalAccount
from tests.local.queue_calls import change, counts, delete, received, send


class Chosen(Decisions):
    """Decisions that a test chooses."""

    begins_at = 0
    most = 10
    repeats = False
    are_heads_delivered = False
    is_delete_ignored = False
    is_change_refused = True

    def start(self, count: int) -> int:
        return min(self.begins_at, count - 1)

    def shorten(self, count: int) -> int:
        return min(count, self.most)

    def repeat(self, messages: Collection[StoredMessage]) -> StoredMessage | None:
        return next(iter(messages), None) if self.repeats else None

    def delivers_heads(self) -> bool:
        return self.are_heads_delivered

    def ignores_delete(self, is_latest: bool, is_in_flight: bool) -> bool:
        return self.is_delete_ignored

    def refuses_change(self) -> bool:
        return self.is_change_refused


class Recorded(Observer):
    """Records every notice."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def received(self, receipt: Receipt) -> None:
        self.notices.append(f'{_shown(receipt)} began')

    def visibility_ended(self, receipt: Receipt) -> None:
        self.notices.append(f'{_shown(receipt)} ended')

    def removed(self, stored: StoredMessage, reason: Removal) -> None:
        self.notices.append(f'{stored.message.draft.body} {reason.value}')


def _shown(receipt: Receipt) -> str:
    return f'receipt {receipt.number} of {receipt.stored.message.draft.body}'


def account_with(decisions: Decisions) -> LocalAccount:
    aws = LocalAccount()
    aws.account = Account(aws.clock, decisions=decisions)
    return aws


def test_a_receive_may_begin_anywhere_and_return_fewer_messages() -> None:
    decisions = Chosen()
    aws = account_with(decisions)
    url = aws.queue('q')
    send(aws, url, 'a', 'b', 'c')
    decisions.begins_at, decisions.most = 2, 1
    assert list(received(aws, url)) == ['c']
    decisions.begins_at, decisions.most = 0, 10
    assert list(received(aws, url)) == ['a', 'b']


def test_a_receive_from_a_fifo_queue_may_begin_with_any_group() -> None:
    decisions = Chosen()
    aws = account_with(decisions)
    url = aws.queue('q.fifo')
    send(aws, url, 'a1', 'b1', 'b2', 'c1')
    decisions.begins_at, decisions.most = 1, 1
    assert list(received(aws, url, limit=1)) == ['b1']
    decisions.begins_at = 0
    assert sorted(received(aws, url)) == ['a1', 'c1']


def test_a_message_in_flight_may_be_delivered_again() -> None:
    """Each receipt handle has a visibility timeout of its own. The message is hidden for both."""
    decisions = Chosen()
    aws = account_with(decisions)
    url = aws.queue('q')
    send(aws, url, 'a')
    first = received(aws, url, seconds=60)
    aws.clock.advance(1)
    decisions.repeats = True
    second = received(aws, url, seconds=10)
    assert list(second) == ['a']
    assert first != second
    decisions.repeats = False
    assert counts(aws, url) == (0, 1, 0)
    aws.clock.advance(10)
    assert not received(aws, url)
    decisions.is_change_refused = False
    change(aws, url, first['a'], 0)
    assert list(received(aws, url)) == ['a']


def test_a_visible_message_is_not_a_duplicate() -> None:
    decisions = Chosen()
    decisions.repeats = True
    aws = account_with(decisions)
    url = aws.queue('q')
    send(aws, url, 'a')
    assert len(aws.received(url)) == 1


def test_a_duplicate_may_become_a_dead_letter() -> None:
    decisions = Chosen()
    aws = account_with(decisions)
    dead = aws.arn_of(aws.queue('dead'))
    policy = f'{{"deadLetterTargetArn": "{dead}", "maxReceiveCount": 1}}'
    url = aws.queue('q', RedrivePolicy=policy)
    send(aws, url, 'a')
    received(aws, url)
    decisions.repeats = True
    assert not received(aws, url)
    assert counts(aws, url) == (0, 0, 0)


def test_the_head_of_a_group_may_be_delivered_while_later_messages_are_hidden() -> None:
    decisions = Chosen()
    aws = account_with(decisions)
    url = aws.queue('q.fifo')
    send(aws, url, 'a1', 'a2', 'a3', 'a4')
    handles = received(aws, url, limit=3)
    change(aws, url, handles['a1'], 0)
    assert not received(aws, url)
    decisions.are_heads_delivered = True
    change(aws, url, handles['a2'], 0)
    assert list(received(aws, url)) == ['a1', 'a2']
    assert not received(aws, url)


def test_a_delete_may_have_no_effect() -> None:
    decisions = Chosen()
    aws = account_with(decisions)
    url = aws.queue('q')
    send(aws, url, 'a')
    handle = received(aws, url)['a']
    decisions.is_delete_ignored = True
    delete(aws, url, handle)
    aws.clock.advance(30)
    assert list(received(aws, url)) == ['a']


def test_an_old_receipt_handle_may_delete() -> None:
    aws = account_with(Chosen())
    url = aws.queue('q')
    send(aws, url, 'a')
    old = received(aws, url, seconds=0)['a']
    received(aws, url)
    delete(aws, url, old)
    assert counts(aws, url) == (0, 0, 0)


def test_the_next_delete_has_no_effect_after_duplicate_next() -> None:
    decisions = Decisions()
    aws = account_with(decisions)
    url = aws.queue('q')
    send(aws, url, 'a', 'b')
    decisions.duplicate_next()
    handles = received(aws, url)
    delete(aws, url, handles['a'])
    delete(aws, url, handles['b'])
    aws.clock.advance(30)
    [again] = aws.received(url)
    assert again['Body'] == 'a'
    assert again['Attributes']['ApproximateReceiveCount'] == '2'
    delete(aws, url, again['ReceiptHandle'])
    assert counts(aws, url) == (0, 0, 0)


def test_an_observer_learns_why_messages_left_and_when_they_became_visible() -> None:
    recorded = Recorded()
    aws = LocalAccount()
    aws.account = Account(aws.clock, observer=recorded)
    url = aws.queue('q', MessageRetentionPeriod='60')
    send(aws, url, 'deleted', 'left', 'purged', 'expired')
    handles = received(aws, url, limit=2)
    delete(aws, url, handles['deleted'])
    change(aws, url, handles['left'], 0)
    steps: list[Callable[[], object]] = [
        lambda: aws.clock.advance(60),
        lambda: received(aws, url),
        lambda: send(aws, url, 'late'),
        lambda: aws.sqs('PurgeQueue', QueueUrl=url),
    ]
    for step in steps:
        step()
    assert recorded.notices == [
        'receipt 1 of deleted began',
        'receipt 1 of left began',
        'deleted deleted',
        'receipt 1 of left ended',
        'left expired',
        'purged expired',
        'expired expired',
        'late purged',
    ]


def test_an_observer_learns_of_dead_letters() -> None:
    recorded = Recorded()
    aws = LocalAccount()
    aws.account = Account(aws.clock, observer=recorded)
    dead = aws.arn_of(aws.queue('dead'))
    policy = f'{{"deadLetterTargetArn": "{dead}", "maxReceiveCount": 1}}'
    url = aws.queue('q', RedrivePolicy=policy)
    send(aws, url, 'a')
    received(aws, url)
    aws.clock.advance(30)
    received(aws, url)
    assert recorded.notices == ['receipt 1 of a began', 'receipt 1 of a ended', 'a moved']
