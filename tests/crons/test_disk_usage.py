"""disk-usage: what df and du say, and a failure above the limit."""

import os
from pathlib import Path

import pytest

from tests.crons.cron_process import Cron, last_line


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, kibibytes in {"small": 8, "large": 800, "middle": 80}.items():
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep/file").write_bytes(os.urandom(kibibytes * 1024))
    return tmp_path


def folders(output: str) -> list[str]:
    return [line.split()[-1] for line in output.splitlines() if line.startswith("  ")]


def test_the_largest_sub_folders_are_listed_first(tree: Path) -> None:
    done = Cron("disk-usage").run(path=str(tree), maxPercent=100, largest=2)

    assert done.returncode == 0, done.stderr
    assert folders(done.stdout) == ["large", "middle"]
    assert "Filesystem of" in done.stdout


def test_above_the_limit_the_run_fails_after_its_report(tree: Path) -> None:
    done = Cron("disk-usage").run(path=str(tree), maxPercent=0)

    assert done.returncode == 1
    assert folders(done.stdout) == ["large", "middle", "small"]
    assert "0 % is the limit" in last_line(done.stderr)


def test_a_file_with_two_names_counts_once(tree: Path) -> None:
    os.link(tree / "large/deep/file", tree / "small/same")

    done = Cron("disk-usage").run(path=str(tree), maxPercent=100)

    assert folders(done.stdout) == ["large", "middle", "small"]


def test_symbolic_links_are_not_followed(tree: Path) -> None:
    (tree / "small/loop").symlink_to(tree)
    (tree / "elsewhere").symlink_to("/")

    done = Cron("disk-usage").run(path=str(tree), maxPercent=100)

    assert folders(done.stdout) == ["large", "middle", "small"]


def test_a_name_that_is_not_text_is_still_printed(tree: Path) -> None:
    (tree / os.fsdecode(b"caf\xe9\n")).mkdir()

    done = Cron("disk-usage").run(path=str(tree), maxPercent=100)

    assert done.returncode == 0
    assert r"'caf\udce9\n'" in done.stdout


def test_measuring_can_be_left_out(tree: Path) -> None:
    done = Cron("disk-usage").run(path=str(tree), maxPercent=100, largest=0)

    assert folders(done.stdout) == []


@pytest.mark.parametrize("path", ["nowhere", "/dev/null", "/proc"])
def test_what_has_no_use_to_report_is_said_in_one_sentence(path: str) -> None:
    done = Cron("disk-usage").run(path=path)

    assert done.returncode == 1
    assert last_line(done.stderr).startswith(path)
    assert done.stderr.count("\n") == 1


def test_a_path_that_looks_like_an_option_stays_a_path() -> None:
    done = Cron("disk-usage").run(path="--help")

    assert done.returncode == 1
    assert last_line(done.stderr).startswith("--help is not a folder")
