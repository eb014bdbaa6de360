"""Services that tests need, and what becomes of a test without them: never skipped silently."""

from __future__ import annotations

import os
import uuid

import pytest
import sqlalchemy as sa

POSTGRES = "SECATEUR_TEST_POSTGRES"
ALL = "SECATEUR_ALL_SERVICES"


def wanted(variable: str, what: str) -> str:
    """The address of a service, from the environment."""
    address = os.environ.get(variable)
    if address is None:
        said = f"{variable} is not set: there is no {what}"
        if os.environ.get(ALL) == "1":
            pytest.fail(f"{said}, and {ALL}=1 says that there is every service")
        pytest.skip(said)
    return address


@pytest.fixture
def postgres():
    """The URL of an empty database on a real server."""
    url = sa.make_url(wanted(POSTGRES, "PostgreSQL server (.ci/postgres.sh starts one)"))
    name = f"secateur_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
