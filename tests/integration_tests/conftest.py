"""Fixtures of the tests that need a service or several processes."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """Address of a new, empty PostgreSQL database."""
    name = f"vault_{uuid.uuid4().hex[:12]}"
    base = postgres_url.rsplit("/", 1)[0]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"{base}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
