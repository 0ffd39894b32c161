"""index-documents: every document is found in the end, and none from outside of the folder."""

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.crons.cron_process import Cron, last_line, wait_for_a_lock

Search = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


@pytest.fixture
def index(database_url: str, tmp_path: Path) -> Cron:
    return Cron("index-documents", {"DATABASE_URL": database_url}, directory=tmp_path)


@pytest.fixture
def search(database_url: str) -> Search:
    def found(words: str, language: str = "english") -> list[str]:
        with psycopg.connect(database_url) as connection:
            rows = connection.execute(
                "SELECT path FROM knowledge.document_index"
                " WHERE search @@ websearch_to_tsquery(%s::text::regconfig, %s) ORDER BY path",
                [language, words],
            )
            return [path for (path,) in rows]

    return found


def titles(database_url: str) -> dict[str, str]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT path, title FROM knowledge.document_index").fetchall()
    return dict(rows)


def test_documents_are_found_by_their_words(
    index: Cron, folder: Path, search: Search, database_url: str
) -> None:
    (folder / "sub").mkdir()
    (folder / "plain.txt").write_text("Otters were swimming")
    (folder / "sub/notes.md").write_text("Some words\n\n# The River #\n\nAn otter swims")
    (folder / "page.html").write_text(
        "<title>Water &amp; life</title><script>let badger</script><p>The otter</p><p>swam</p>"
    )
    (folder / "image.png").write_bytes(b"otter")

    done = index.run()

    assert done.returncode == 0, done.stderr
    assert search("otter") == ["page.html", "plain.txt", "sub/notes.md"]
    assert search("badger") == []
    assert search("life") == ["page.html"]
    assert titles(database_url) == {
        "plain.txt": "plain",
        "sub/notes.md": "The River",
        "page.html": "Water & life",
    }
    assert last_line(done.stdout) == "0 remain"


def test_a_batch_is_bounded_and_the_next_run_goes_on(index: Cron, folder: Path, search: Search) -> None:
    for number in range(5):
        (folder / f"{number}.txt").write_text(f"otter {number}")

    remaining, found = [], []
    for _ in range(4):
        remaining.append(last_line(index.run(batchSize=2).stdout))
        found.append(len(search("otter")))

    assert remaining == ["3 remain", "1 remain", "0 remain", "0 remain"]
    assert found == [2, 4, 5, 5]


def test_only_a_changed_document_is_indexed_again(index: Cron, folder: Path, search: Search) -> None:
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("otter")
    index.run()

    (folder / "b.txt").write_text("badger")
    done = index.run()

    assert "Indexed: b.txt" in done.stdout
    assert "a.txt" not in done.stdout
    assert search("otter") == ["a.txt"]
    assert search("badger") == ["b.txt"]


def test_a_document_that_was_only_touched_is_not_indexed_again(index: Cron, folder: Path) -> None:
    (folder / "a.txt").write_text("otter")
    index.run()
    os.utime(folder / "a.txt", (1, 1))

    assert "Same content: a.txt" in index.run().stdout
    assert "a.txt" not in index.run().stdout


def test_busy_documents_do_not_keep_others_from_the_index(index: Cron, folder: Path, search: Search) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text("otter")
    for round_ in range(3):
        (folder / "a.txt").write_text(f"otter {round_}")
        index.run(batchSize=1)

    assert search("otter") == ["a.txt", "b.txt", "c.txt"]


def test_a_vanished_document_is_removed(index: Cron, folder: Path, search: Search) -> None:
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("otter")
    index.run()
    (folder / "a.txt").unlink()

    assert "1 removed" in index.run().stdout
    assert search("otter") == ["b.txt"]


def test_two_folders_do_not_remove_each_others_documents(
    index: Cron, folder: Path, tmp_path: Path, search: Search
) -> None:
    (tmp_path / "more").mkdir()
    (folder / "a.txt").write_text("otter")
    (tmp_path / "more/b.txt").write_text("otter")

    for name in ("docs", "more", "docs"):
        index.run(folder=name)

    assert search("otter") == ["a.txt", "b.txt"]


def test_an_empty_folder_is_a_success(index: Cron, folder: Path) -> None:
    done = index.run()

    assert done.returncode == 0
    assert "0 documents" in done.stdout
    assert last_line(done.stdout) == "0 remain"


def test_a_missing_folder_fails_and_removes_nothing(index: Cron, folder: Path, search: Search) -> None:
    (folder / "a.txt").write_text("otter")
    index.run()
    folder.rename(folder.with_name("elsewhere"))

    done = index.run()

    assert done.returncode == 1
    assert "There is no folder" in last_line(done.stderr)
    assert search("otter") == ["a.txt"]


@pytest.mark.parametrize("outside", ["..", "/etc", "docs/../..", "out"])
def test_a_folder_outside_of_the_project_is_refused(
    index: Cron, folder: Path, tmp_path: Path, outside: str
) -> None:
    (tmp_path / "out").symlink_to("/etc")

    done = index.run(folder=outside)

    assert done.returncode == 1
    assert "leads out of" in last_line(done.stderr)


def test_symbolic_links_lead_neither_out_nor_in_circles(
    index: Cron, folder: Path, tmp_path: Path, search: Search
) -> None:
    (tmp_path / "secret.txt").write_text("otter")
    (folder / "a.txt").write_text("otter")
    (folder / "loop").symlink_to(folder)
    (folder / "up").symlink_to(tmp_path)
    (folder / "secret.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "self.txt").symlink_to("self.txt")
    (folder / "dangling.md").symlink_to("nowhere")

    done = index.run()

    assert done.returncode == 0, done.stderr
    assert search("otter") == ["a.txt"]
    assert "Left out: secret.txt: a symbolic link" in done.stdout


def test_a_document_that_a_link_replaces_meanwhile_is_not_read_and_takes_no_place(
    index: Cron, folder: Path, tmp_path: Path, database_url: str, search: Search
) -> None:
    (tmp_path / "secret.txt").write_text("otter secret")
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("otter")
    with psycopg.connect(database_url) as another_run:
        another_run.execute("SELECT pg_advisory_xact_lock(hashtext('knowledge.document_index'))")
        process = index.start(batchSize=1)
        wait_for_a_lock(database_url)
        (folder / "a.txt").unlink()
        (folder / "a.txt").symlink_to(tmp_path / "secret.txt")
    output, _ = process.communicate(timeout=20)

    assert "Left out: a.txt: a symbolic link took its place" in output
    assert last_line(output) == "0 remain"
    assert search("otter") == ["b.txt"]


def test_nothing_is_removed_while_a_folder_cannot_be_read(
    index: Cron, folder: Path, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.txt").write_text("otter")
    index.run()
    (folder / "a.txt").unlink()
    monkeypatch.chdir(folder)
    for _ in range(20):  # deeper than a path may be long: not even root can read that
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)

    done = index.run()

    assert done.returncode == 0, done.stderr
    assert "Nothing is removed while part of the folder cannot be read" in done.stdout
    assert search("otter") == ["a.txt"]


def test_a_pipe_named_like_a_document_does_not_hang_the_run(
    index: Cron, folder: Path, search: Search
) -> None:
    os.mkfifo(folder / "pipe.txt")
    (folder / "a.txt").write_text("otter")

    assert index.run().returncode == 0
    assert search("otter") == ["a.txt"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("une été à la mer".encode("cp1252"), "été"),
        ("\ufeffun été".encode(), "été"),
        ("un été".encode("utf-16"), "été"),
        (b"bytes \x81\x8d and otter", "otter"),
    ],
)
def test_documents_in_other_encodings_are_read(
    index: Cron, folder: Path, search: Search, content: bytes, word: str
) -> None:
    (folder / "a.txt").write_bytes(content)

    done = index.run(language="simple")

    assert done.returncode == 0, done.stderr
    assert search(word, "simple") == ["a.txt"]


def test_what_is_not_text_is_found_by_its_name_only(index: Cron, folder: Path, search: Search) -> None:
    (folder / "otter.txt").write_bytes(b"badger\0" * 100)

    done = index.run()

    assert "is not text" in done.stdout
    assert search("otter") == ["otter.txt"]
    assert search("badger") == []


def test_markup_that_is_broken_does_not_stop_the_run(index: Cron, folder: Path, search: Search) -> None:
    for number, markup in enumerate(
        ["<![x[ otter", "<!--", "<p otter", "<", "&#0;", "<![if>", "", "otter<![x["]
    ):
        (folder / f"{number}.html").write_text(markup)
    (folder / "whole.html").write_text("<p>otter")

    done = index.run()

    assert done.returncode == 0, done.stderr
    assert {"7.html", "whole.html"} <= set(search("otter"))
    assert "0.html (has broken markup" in done.stdout
    assert last_line(done.stdout) == "0 remain"


def test_a_name_that_is_not_text_is_left_out(index: Cron, folder: Path, search: Search) -> None:
    for name in (b"caf\xe9.txt", b"line\nbreak.txt"):
        (folder / os.fsdecode(name)).write_text("otter")
    (folder / "a.txt").write_text("otter")

    done = index.run()

    assert done.returncode == 0, done.stderr
    assert search("otter") == ["a.txt"]
    assert r"'caf\udce9.txt'" in done.stdout


def test_a_document_that_grew_too_large_leaves_the_index(index: Cron, folder: Path, search: Search) -> None:
    (folder / "a.txt").write_text("otter")
    index.run(maxFileBytes=100)
    (folder / "a.txt").write_text("otter " * 100)

    done = index.run(maxFileBytes=100)

    assert "a.txt: 600 B is too large" in done.stdout
    assert search("otter") == []


def test_more_words_than_postgresql_can_hold_do_not_stop_the_batch(
    index: Cron, folder: Path, search: Search
) -> None:
    chance = random.Random(7)
    words = (f"{chance.getrandbits(64):016x}" for _ in range(90_000))
    (folder / "a.txt").write_text(" ".join(words))
    (folder / "b.txt").write_text("otter")

    done = index.run(maxFileBytes=10_000_000)

    assert done.returncode == 0, done.stderr
    assert "too many different words" in done.stdout
    assert search("otter") == ["b.txt"]
    assert "a.txt" not in index.run(maxFileBytes=10_000_000).stdout


def test_another_language_reads_every_document_again(index: Cron, folder: Path, search: Search) -> None:
    (folder / "a.txt").write_text("Les chevaux couraient")
    index.run()

    assert "Indexed: a.txt" in index.run(language="french").stdout
    assert search("cheval courir", "french") in (["a.txt"], [])
    assert search("couraient", "french") == ["a.txt"]


def test_hidden_files_and_folders_are_passed_over(index: Cron, folder: Path, search: Search) -> None:
    (folder / ".git").mkdir()
    (folder / ".git/a.txt").write_text("otter")
    (folder / ".b.txt").write_text("otter")

    index.run()

    assert search("otter") == []


def test_a_user_who_may_not_create_the_index_is_told_so(index: Cron, folder: Path, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS crons_guest; CREATE ROLE crons_guest LOGIN")
        url = database_url.replace("postgres:@", "crons_guest:@")
        index.environment["DATABASE_URL"] = url
        done = index.run()
        connection.execute("DROP ROLE crons_guest")

    assert done.returncode == 1
    assert "create the schema 'knowledge'" in last_line(done.stderr)


def test_parameters_that_do_not_fit_are_named(index: Cron, folder: Path) -> None:
    process = index.start()
    process.communicate(timeout=20)
    done = subprocess.run(
        process.args,
        input='{"batchSize": "ten", "other": 1}',
        env=index.full_environment(),
        cwd=index.directory,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "batchSize: " in done.stderr
    assert "other: " in done.stderr
    assert done.stderr.count("\n") == 1
