"""Fixtures of the tests that need a service or several processes."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from redis import Redis


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """Address of a new, empty PostgreSQL database."""
    name = f"vault_{uuid.uuid4().hex[:12]}"
    base = postgres_url.rsplit("/", 1)[0]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        # The server is never killed, so that no commit need wait for the disk.
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        yield f"{base}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_database(redis_url: str) -> Iterator[str]:
    """Address of an empty database of a plain Redis, which has sixteen, by their numbers."""
    for number in range(15, 0, -1):
        address = f"{redis_url}/{number}"
        with Redis.from_url(address) as client:
            # Who writes the mark first has the database.
            if client.set("in use", "by a test", nx=True, ex=600):
                break
    else:
        pytest.fail("every database of this Redis is in use by a test")
    with Redis.from_url(address) as client:
        yield address
        client.flushdb()
