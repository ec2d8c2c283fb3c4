"""The migrations in the documentation create the table that the outbox uses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Engine, inspect, text

from mega.outbox import Outbox

PAGE = Path(__file__).parents[2] / 'docs' / 'outbox.md'
if not PAGE.exists():
    pytest.skip('only a checkout has it, an installed package does not', allow_module_level=True)

TEXT = PAGE.read_text(encoding='utf-8')


def by_alembic(connection: Connection) -> None:
    (migration,) = re.findall(r'^```python\n(import sqlalchemy as sa\n.*?)^```$', TEXT, re.M | re.S)
    names: dict[str, Any] = {}
    with Operations.context(MigrationContext.configure(connection)):
        exec(migration, names)
        names['upgrade']()


def by_sql(connection: Connection) -> None:
    (statements,) = re.findall(r'^```sql\n(.*?)^```$', TEXT, re.M | re.S)
    if connection.dialect.name == 'sqlite':
        replacements = re.search(
            r'For SQLite, replace `(.*?)` by `(.*?)`, and `(.*?)` by `(.*?)`', TEXT
        )
        assert replacements
        statements = statements.replace(replacements[1], replacements[2])
        statements = statements.replace(replacements[3], replacements[4])
    for statement in filter(str.strip, statements.split(';')):
        connection.execute(text(statement))


def by_the_outbox(connection: Connection) -> None:
    Outbox().create_table(connection)


def described(connection: Connection) -> dict[str, Any]:
    """Return all that the database knows about the table."""
    found, name = inspect(connection), 'mega_outbox'
    return {
        'columns': [{**column, 'type': str(column['type'])} for column in found.get_columns(name)],
        'keys': (found.get_pk_constraint(name)['constrained_columns'],
                 [unique['column_names'] for unique in found.get_unique_constraints(name)]),
        'definitions': [row[0].replace('"', '') for row in connection.execute(text(
            'select indexdef from pg_indexes order by 1'
            if connection.dialect.name == 'postgresql'
            else "select sql from sqlite_master where type = 'index' and sql > '' order by 1"
        ))],
    }  # fmt: skip


@pytest.mark.parametrize('migration', [by_alembic, by_sql], ids=['Alembic', 'SQL'])
def test_a_documented_migration_creates_the_table_of_the_outbox(
    migration: Any, engine: Engine
) -> None:
    descriptions = []
    for create in (by_the_outbox, migration):
        with engine.begin() as connection:
            create(connection)
            descriptions.append(described(connection))
            connection.execute(text('drop table mega_outbox'))
    expected, created = descriptions
    if engine.dialect.name == 'sqlite':  # keeps the text of a statement, with its line breaks
        created['definitions'] = [' '.join(each.split()) for each in created['definitions']]
    assert created == expected
