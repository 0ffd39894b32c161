"""A live worker beside the migrations: the house that the worker's tests have."""

from tests.worker.conftest import house, make_house, target

__all__ = ["house", "make_house", "target"]
