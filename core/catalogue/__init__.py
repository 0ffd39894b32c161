"""The catalogue of crons: what crons.toml says, and the last good one in force."""

from core.catalogue.entries import (
    WITHHELD,
    Catalogue,
    ConflictRetry,
    Cron,
    Retry,
    Wording,
)
from core.catalogue.file import CatalogueFile, catalogue, shown
from core.catalogue.parsing import CatalogueError, parse
from core.catalogue.templates import argument_of, header_value

__all__ = [
    "WITHHELD",
    "Catalogue",
    "CatalogueError",
    "CatalogueFile",
    "ConflictRetry",
    "Cron",
    "Retry",
    "Wording",
    "argument_of",
    "catalogue",
    "header_value",
    "parse",
    "shown",
]
