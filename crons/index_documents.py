"""Index a folder of documents for full-text search, a bounded number in each run.

A document that did not change since it was indexed costs one look at its size and time. What
one run does not reach remains for the next: plan it as often as the folder changes.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from crons import database, document_index
from crons.document_index import Indexed
from crons.documents import Found, Listing, find, read
from crons.parameters import Parameters, from_stdin
from crons.sizes import readable

LEFT_OUT_SHOWN = 20
NEVER = datetime.min.replace(tzinfo=UTC)


class IndexParameters(Parameters):
    """Which documents, how they are read, and how many in one run."""

    folder: str = "docs"
    batch_size: int = 50
    max_file_bytes: int = 1_000_000
    language: str = "english"


def main() -> None:
    """Index one batch and remove the vanished, in one transaction; say what remains."""
    reader = argparse.ArgumentParser(description="Index a folder of documents for search.")
    reader.add_argument("--inside", type=Path, required=True, help="no folder outside of this")
    inside = reader.parse_args().inside
    parameters = from_stdin(IndexParameters)
    folder = _folder(inside.resolve(), parameters.folder)
    listing = find(folder)
    present = _of_bounded_size(listing, parameters.max_file_bytes)
    print(f"{len(present)} documents in {folder}")

    with database.connect() as connection, connection.transaction():
        document_index.prepare(connection)
        known = document_index.known(connection, str(folder))
        removed = _remove_vanished(connection, folder, listing, known.keys() - present.keys())
        changed = _changed(present, known, parameters.language)
        remaining = _index_batch(connection, folder, changed, known, parameters, listing.left_out)

    for line in listing.left_out[:LEFT_OUT_SHOWN]:
        print(f"Left out: {line}")
    if len(listing.left_out) > LEFT_OUT_SHOWN:
        print(f"Left out: {len(listing.left_out) - LEFT_OUT_SHOWN} more")
    print(f"{removed} removed, {len(present) - len(changed)} had not changed")
    print(f"{remaining} remain")


def _folder(inside: Path, name: str) -> Path:
    """The folder's real path; SystemExit unless it is there, and inside."""
    folder = (inside / name).resolve()
    if not folder.is_relative_to(inside):
        raise SystemExit(f"{name!r} leads out of {inside}: give a folder inside of it.")
    if not folder.is_dir():
        raise SystemExit(f"There is no folder {folder}: create it, or give another.")
    return folder


def _of_bounded_size(listing: Listing, max_bytes: int) -> dict[str, Found]:
    for found in listing.documents.values():
        if found.size_bytes > max_bytes:
            listing.left_out.append(f"{found.path}: {readable(found.size_bytes)} is too large")
    return {p: found for p, found in listing.documents.items() if found.size_bytes <= max_bytes}


def _remove_vanished(
    connection: psycopg.Connection, folder: Path, listing: Listing, vanished: set[str]
) -> int:
    if listing.unread:
        print(f"Nothing is removed while part of the folder cannot be read: {listing.unread[0]}")
        return 0
    return document_index.remove(connection, str(folder), vanished)


def _changed(present: dict[str, Found], known: dict[str, Indexed], language: str) -> list[Found]:
    """What may have changed, the longest unseen first: busy documents must not starve others."""

    def is_changed(found: Found) -> bool:
        old = known.get(found.path)
        new = (found.size_bytes, found.mtime_ns, language)
        return old is None or (old.size_bytes, old.mtime_ns, old.language) != new

    def last_seen(found: Found) -> tuple[datetime, str]:
        old = known.get(found.path)
        return (old.indexed_at if old else NEVER), found.path

    return sorted(filter(is_changed, present.values()), key=last_seen)


def _index_batch(
    connection: psycopg.Connection,
    folder: Path,
    changed: list[Found],
    known: dict[str, Indexed],
    parameters: IndexParameters,
    left_out: list[str],
) -> int:
    """Index the first of the changed ones; returns how many are left for later runs.

    One that cannot be read takes no place in the batch, or it would keep it from the others
    in every run.
    """
    places = parameters.batch_size
    for position, found in enumerate(changed):
        if not places:
            return len(changed) - position
        try:
            document = read(folder, found.path, parameters.max_file_bytes)
        except OSError as fault:
            left_out.append(f"{found.path}: {fault.strerror or fault}")
            continue
        places -= 1
        old = known.get(found.path)
        if old and (old.sha256, old.language) == (document.sha256, parameters.language):
            document_index.note_seen(connection, str(folder), found)
            print(f"Same content: {found.path}")
            continue
        note = document.note
        if not document_index.store(connection, str(folder), found, document, parameters.language):
            note = "has too many different words; only its title can be found"
        print(f"Indexed: {found.path}" + (f" ({note})" if note else ""))
    return 0


if __name__ == "__main__":
    main()
