"""Adds crons to the catalogue's file: whole or not at all, and never so that it breaks."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from core.catalogue.parsing import CatalogueError, parse
from core.errors import Conflict, Invalid
from core.settings import settings


def append(toml: str) -> None:
    """Adds entries at the end of the file that CRONS_FILE names.

    The file is replaced in one step by one that has been read as a catalogue before: a worker
    that looks at any moment sees the old one or the new one.

    Args:
        toml: entries, as the file has them.

    Raises:
        Invalid: the file has mistakes, cannot be written, or would have mistakes with the entries.
        Conflict: somebody else has changed it in the meantime.
    """
    # Where it is a link, the link stays and what it names is replaced.
    path = settings().crons_file.resolve()
    try:
        before = path.read_text(encoding="utf-8")
        _parsed(before, f"{path.name}: has mistakes already; mend them first")
        after = before.rstrip("\n") + "\n\n" + toml
        _parsed(after, f"{path.name}: would have mistakes")
        _replace(path, before, after)
    except OSError as error:
        raise Invalid(f"{path.name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path.name}: is not UTF-8") from None


def _parsed(text: str, complaint: str) -> None:
    try:
        parse(text)
    except CatalogueError as error:
        raise Invalid(complaint, error.problems) from None


def _replace(path: Path, before: str, after: str) -> None:
    if not os.access(path, os.W_OK):  # the directory's permission would do for replacing it
        raise Invalid(f"{path.name}: may not be written")
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(path.stat().st_mode & 0o7777)
        _must_be(path, before)
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise


def _must_be(path: Path, before: str) -> None:
    if path.read_text(encoding="utf-8") != before:
        raise Conflict(f"{path.name}: was changed by somebody else in this moment; try again")
