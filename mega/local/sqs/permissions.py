"""The policy of a queue, as AddPermission and RemovePermission write it. Nothing enforces it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mega.local.errors import invalid_value

__all__ = ('added', 'removed')


def added(
    policy: str | None, arn: str, label: str, account_ids: Sequence[str], actions: Sequence[str]
) -> str:
    """Return a policy with one more statement, which has the label as its Sid."""
    document = _read(policy) or {
        'Version': '2008-10-17',
        'Id': f'{arn}/SQSDefaultPolicy',
        'Statement': [],
    }
    if any(statement.get('Sid') == label for statement in document['Statement']):
        raise _bad_label(label, 'Already exists.')
    principals = [f'arn:aws:iam::{account}:root' for account in account_ids]
    statement = {
        'Sid': label,
        'Effect': 'Allow',
        'Principal': {'AWS': _one_or_all(principals)},
        'Action': _one_or_all([f'SQS:{action}' for action in actions]),
        'Resource': arn,
    }
    document['Statement'].append(statement)
    return json.dumps(document)


def removed(policy: str | None, label: str) -> str:
    """Return a policy without the statement of a label; an empty text without any statement."""
    document = _read(policy) or {'Statement': []}
    statements = document['Statement']
    left = [statement for statement in statements if statement.get('Sid') != label]
    if len(left) == len(statements):
        raise _bad_label(label, "can't find label.")
    return json.dumps({**document, 'Statement': left}) if left else ''


def _read(policy: str | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    try:
        document = json.loads(policy)
        statements = document['Statement']
        is_valid = isinstance(statements, list) and all(
            isinstance(statement, dict) for statement in statements
        )
    except (ValueError, TypeError, LookupError, RecursionError):
        is_valid = False
    if not is_valid:
        raise invalid_value('The Policy of the queue has no list of statements.')
    return dict(document)


def _one_or_all(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _bad_label(label: str, reason: str) -> Exception:
    return invalid_value(f'Value {label[:80]} for parameter Label is invalid. Reason: {reason}')
