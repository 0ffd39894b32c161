"""A database without the product's tables: the crons stand on their own."""

import pytest


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """The URL of an empty database that is this test's alone."""
    return empty_database_url
