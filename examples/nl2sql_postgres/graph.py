"""Private SQL over PostgreSQL with an async engine; names of customers are denied.

    POSTGRES_URL=postgresql+asyncpg://user@host/database python graph.py

`role.sql` beside this file makes the role that such a connection should have. Without a database
the example says so and ends.
"""

import asyncio
import itertools
import json
import os
from typing import Any

import sqlalchemy
from langchain.chat_models import init_chat_model
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from langchain_privacy import Masker, SchemaCard, SQLPolicy, create_private_sql_graph
from langchain_privacy.errors import QueryError

URL = os.environ.get("POSTGRES_URL", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")
SCHEMA = f"nl2sql_example_{os.getpid()}"  # two runs at once do not meet
TABLES = f"""
DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;
CREATE SCHEMA {SCHEMA};
CREATE TABLE {SCHEMA}.customer (id int PRIMARY KEY, name text, city text, joined date);
CREATE TABLE {SCHEMA}.orders (id int PRIMARY KEY, customer_id int, amount numeric(10, 2));
INSERT INTO {SCHEMA}.customer
    SELECT i, 'Customer ' || i, (ARRAY['Seoul', 'Busan', 'Daegu'])[1 + i % 3],
           date '2024-01-01'
    FROM generate_series(1, 60) AS i;
INSERT INTO {SCHEMA}.orders
    SELECT i, 1 + i % 60, 10 + i % 90 FROM generate_series(1, 600) AS i
"""
PLAN = {
    "keywords": ["city", "total"],
    "columns": ["customer.city", "orders.amount"],
    "tables": ["customer", "orders"],
    "prepared_sql": "SELECT c.city, SUM(o.amount) AS total FROM customer AS c JOIN orders AS o"
    " ON o.customer_id = c.id GROUP BY c.city ORDER BY total DESC",
    "template": {
        "full": "Total amount by city:\n- [[hidden_value_{row}_city]]: "
        "[[hidden_value_{row}_total|comma]]",
        "single": "",
        "empty": "There are no orders.",
    },
}


name = os.environ.get("REMOTE_MODEL")  # for example openai:gpt-4o
remote: Any = (
    init_chat_model(name)
    if name
    else GenericFakeChatModel(messages=itertools.repeat(AIMessage(json.dumps(PLAN))))
)
masker = Masker()


async def run(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(sqlalchemy.text(statement))


async def make_graph(engine: AsyncEngine) -> Any:
    """Make two tables, and the graph that answers questions about them."""
    await run(engine, *TABLES.split(";"))
    return await asyncio.to_thread(compiled, engine)  # reading the schema waits


def compiled(engine: AsyncEngine) -> Any:
    """Read the schema, and make the graph."""
    card = SchemaCard.from_engine(
        engine,
        tables=["customer", "orders"],
        schema=SCHEMA,
        denied_columns={"customer": ["name"]},
    )
    return create_private_sql_graph(
        remote, engine, card=card, masker=masker, policy=SQLPolicy(timeout=3)
    )


async def graph() -> Any:
    """Make the graph; `langgraph.json` names it."""
    return await make_graph(create_async_engine(URL))


async def main() -> None:
    engine = create_async_engine(URL)
    try:
        asked = await make_graph(engine)
    except (OSError, sqlalchemy.exc.SQLAlchemyError) as error:
        print("No PostgreSQL to use at POSTGRES_URL; see the first lines of this file.")
        print(type(error).__name__)
        return
    try:
        result = await asked.ainvoke({"question": "What is the total amount by city?"})
        print(result["sql"])
        print(result["answer"])
    except QueryError as error:
        print(error)
    finally:
        await run(engine, f"DROP SCHEMA {SCHEMA} CASCADE")
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
