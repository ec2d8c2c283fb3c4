"""A law of claims: however relays interleave, each group is sent in its order."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Row, create_engine
from sqlalchemy.pool import StaticPool

from mega.aws._hooks.publishing import PublishResult
from mega.errors import TransportError
from mega.outbox import Outbox, rows
from mega.outbox.settlement import MAX_REFUSALS, settle
from tests.profile import amount

QUEUE = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo'
CLAIM = timedelta(seconds=60)
TRANSIENT = TransportError('SendMessageBatch', 'InternalError', 'try again', True)
FATAL = TransportError('SendMessageBatch', 'AccessDenied', 'not allowed', False)
GROUPS = ('a', 'b')

relays = st.integers(0, 1)
attempts = st.lists(st.sampled_from([None, TRANSIENT, FATAL]), min_size=2, max_size=2)


class Claim(NamedTuple):
    token: str
    until: datetime
    rows: list[Row[Any]]


class Claims(RuleBasedStateMachine):
    """Two relays on one table, in virtual time. Each step is one transaction of a relay.

    A relay claims rows, sends some of them, and settles them. Or it ends in between, so that the
    time of its claim passes. Like `publish_batch`, it sends no row after a failed one of its group.
    """

    def __init__(self) -> None:
        super().__init__()
        self.engine = create_engine('sqlite://', poolclass=StaticPool)
        self.outbox = Outbox()
        self.outbox.create_table(self.engine)
        self.now = datetime.now(timezone.utc) + timedelta(seconds=2)
        self.claims: dict[int, Claim] = {}
        self.tokens = 0
        self.published: dict[str, list[str]] = {group: [] for group in GROUPS}
        self.sent: dict[str, list[str]] = {group: [] for group in GROUPS}

    def teardown(self) -> None:
        self.engine.dispose()

    @rule(group=st.sampled_from(GROUPS), count=st.integers(2, 5))
    def publish(self, group: str, count: int) -> None:
        with self.engine.begin() as connection:
            for _ in range(count):
                id = self.outbox.publish(connection, 'x', queue_url=QUEUE, message_group_id=group)
                self.published[group].append(id)
            one_left = self.outbox.table.update().values(refusals=MAX_REFUSALS - 1)
            connection.execute(one_left)  # so that a fatal error is the last one
        self.now = max(self.now, datetime.now(timezone.utc) + timedelta(seconds=2))

    @rule(relay=relays, limit=st.integers(1, 2))
    def claim(self, relay: int, limit: int) -> None:
        """Claim rows. A relay that has some already is a new one: the old one was killed."""
        self.tokens += 1
        token, until = str(self.tokens), self.now + CLAIM
        with self.engine.begin() as connection:
            found = rows.claim(connection, self.outbox.table, token, self.now, until, limit)
        live = [claim for claim in self.claims.values() if claim.until > self.now]
        taken = {row.id for claim in live for row in claim.rows}
        assert not taken & {row.id for row in found}, 'a live claim has its rows alone'
        self.claims[relay] = Claim(token, until, found)

    @rule(relay=relays, errors=attempts, settles=st.sampled_from([True, True, False]))
    def send(self, relay: int, errors: list[TransportError | None], settles: bool) -> None:
        """Send the rows of a claim, and settle them, or end before that."""
        claim = self._live_claim(relay)
        results: dict[int, PublishResult] = {}
        stopped: set[str] = set()
        for row, error in zip(claim.rows, errors, strict=False):
            failure = TRANSIENT if row.message_group in stopped else error
            id = row.id if failure is None else None
            results[row.position] = PublishResult(id, failure)
            if failure is None:
                self.sent[row.message_group].append(row.id)
            else:
                stopped.add(row.message_group)
        if not settles:
            return
        settlement = settle(claim.rows, results, self.now, lambda low, high: high)
        with self.engine.begin() as connection:
            table = self.outbox.table
            rows.put_back(connection, table, claim.token, settlement.put_back)
            rows.settle_sent(connection, table, claim.token, settlement.sent, None)

    @rule(seconds=st.sampled_from([1, 61, 301]), retries=st.booleans())
    def pass_time(self, seconds: int, retries: bool) -> None:
        """Let time pass. Perhaps an administrator lets failed rows be sent again."""
        self.now += timedelta(seconds=seconds)
        if retries:
            with self.engine.begin() as connection:
                rows.retry_failed(connection, self.outbox.table, None)

    @invariant()
    def each_group_is_sent_in_its_order(self) -> None:
        """A FIFO queue drops repetitions. The rest is a beginning of what was published."""
        for group, ids in self.sent.items():
            delivered = list(dict.fromkeys(ids))
            assert delivered == self.published[group][: len(delivered)]

    def _live_claim(self, relay: int) -> Claim:
        """Take the claim of a relay; an empty one after its time, when the relay gives up."""
        claim = self.claims.pop(relay, None)
        return claim if claim and claim.until > self.now else Claim('', self.now, [])


TestClaims = Claims.TestCase
TestClaims.settings = settings(max_examples=amount(12, 500), stateful_step_count=40)
