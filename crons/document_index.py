"""The full-text index of documents: the table knowledge.document_index and what is done to it.

Search it with

    SELECT path, title FROM knowledge.document_index
    WHERE search @@ websearch_to_tsquery('english', 'words to find');
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from crons.documents import Document, Found

TABLE = """
    CREATE SCHEMA IF NOT EXISTS knowledge;
    CREATE TABLE IF NOT EXISTS knowledge.document_index (
        folder      text NOT NULL,
        path        text NOT NULL,
        title       text NOT NULL,
        content     text NOT NULL,
        language    regconfig NOT NULL,
        size_bytes  bigint NOT NULL,
        mtime_ns    bigint NOT NULL,
        sha256      text NOT NULL,
        indexed_at  timestamptz NOT NULL DEFAULT now(),
        search      tsvector NOT NULL GENERATED ALWAYS AS (
            setweight(to_tsvector(language, title), 'A') || to_tsvector(language, content)
        ) STORED,
        PRIMARY KEY (folder, path)
    );
    CREATE INDEX IF NOT EXISTS idx_document_index_search
        ON knowledge.document_index USING gin (search);
"""


@dataclass(frozen=True)
class Indexed:
    """What the index remembers of a document."""

    size_bytes: int
    mtime_ns: int
    sha256: str
    language: str
    indexed_at: datetime


def prepare(connection: psycopg.Connection) -> None:
    """Create the table if it is missing, and let no other run in until the transaction ends.

    Raises SystemExit when the database's user may not create it.
    """
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('knowledge.document_index'))")
    missing = connection.execute("SELECT to_regclass('knowledge.document_index') IS NULL")
    if missing.fetchone() != (True,):
        return
    try:
        connection.execute(TABLE)
    except psycopg.errors.InsufficientPrivilege as fault:
        raise SystemExit(
            f"The index cannot be created ({fault.diag.message_primary}): "
            "let DATABASE_URL's user create the schema 'knowledge'."
        ) from None


def known(connection: psycopg.Connection, folder: str) -> dict[str, Indexed]:
    """What is indexed of the folder, by path."""
    rows = connection.execute(
        "SELECT path, size_bytes, mtime_ns, sha256, language::text, indexed_at"
        " FROM knowledge.document_index WHERE folder = %s",
        [folder],
    )
    return {path: Indexed(*values) for path, *values in rows}


def remove(connection: psycopg.Connection, folder: str, paths: set[str]) -> int:
    """Take documents out of the index; returns how many were in it."""
    return connection.execute(
        "DELETE FROM knowledge.document_index WHERE folder = %s AND path = ANY(%s)",
        [folder, list(paths)],
    ).rowcount


def note_seen(connection: psycopg.Connection, folder: str, found: Found) -> None:
    """Remember the new time of a document whose content is what it was."""
    connection.execute(
        "UPDATE knowledge.document_index SET mtime_ns = %s, indexed_at = now()"
        " WHERE folder = %s AND path = %s",
        [found.mtime_ns, folder, found.path],
    )


def store(
    connection: psycopg.Connection, folder: str, found: Found, document: Document, language: str
) -> bool:
    """Put a document into the index, or its new version in place of the old.

    Returns False when it has too many different words for PostgreSQL (a search column holds at
    most 1 MiB of them): then only its title can be found.
    """
    try:
        with connection.transaction():
            _upsert(connection, folder, found, document, document.text, language)
            return True
    except psycopg.errors.ProgramLimitExceeded:
        _upsert(connection, folder, found, document, "", language)
        return False


def _upsert(
    connection: psycopg.Connection,
    folder: str,
    found: Found,
    document: Document,
    text: str,
    language: str,
) -> None:
    connection.execute(
        """
        INSERT INTO knowledge.document_index
            (folder, path, title, content, language, size_bytes, mtime_ns, sha256)
        VALUES (%s, %s, %s, %s, %s::text::regconfig, %s, %s, %s)
        ON CONFLICT (folder, path) DO UPDATE SET
            title = excluded.title, content = excluded.content, language = excluded.language,
            size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns,
            sha256 = excluded.sha256, indexed_at = now()
        """,
        [
            folder,
            found.path,
            document.title,
            text,
            language,
            found.size_bytes,
            found.mtime_ns,
            document.sha256,
        ],
    )
