"""The documented SQL creates the table of `SqlStore`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, inspect, text

from mega.hooks.sql import SqlStore

PAGE = Path(__file__).parents[2] / 'docs' / 'inbox.md'
if not PAGE.exists():
    pytest.skip('only a checkout has it, an installed package does not', allow_module_level=True)


def described(connection: Connection) -> dict[str, Any]:
    found, name = inspect(connection), 'mega_idempotency'
    columns = [{**column, 'type': str(column['type'])} for column in found.get_columns(name)]
    return {
        'columns': columns,
        'key': found.get_pk_constraint(name)['constrained_columns'],
        'indexes': [(index['name'], index['column_names']) for index in found.get_indexes(name)],
    }


@pytest.mark.parametrize('engine', ['postgresql'], indirect=True)
def test_the_documented_sql_creates_the_table_of_the_store(engine: Engine) -> None:
    (statements,) = re.findall(
        r'^```sql\n(.*?)^```$', PAGE.read_text(encoding='utf-8'), re.M | re.S
    )
    with engine.begin() as connection:
        SqlStore().create_table(connection)
        expected = described(connection)
        connection.execute(text('drop table mega_idempotency'))
        for statement in filter(str.strip, statements.split(';')):
            connection.execute(text(statement))
        created = described(connection)
        connection.execute(text('drop table mega_idempotency'))
    assert created == expected
