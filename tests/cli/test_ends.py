"""How commands end: help, exit codes, and no traceback for what can be foreseen."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.cli.main import commands
from core.settings import ROOT
from tests.cli.command import Command, call

pytestmark = pytest.mark.release


def every_command() -> list[list[str]]:
    found: list[list[str]] = [[]]
    for name, command in commands.commands.items():
        found.append([name])
        found += [[name, inner] for inner in getattr(command, "commands", {})]
    return found


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_command_has_a_help_and_needs_nothing_for_it(
    environment: None, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("PORT", "nonsense")
    answer = call(*command, "--help")
    assert answer.code == 0
    assert "Usage: python -m core" in answer.out


def test_the_help_tells_the_exit_codes(environment: None) -> None:
    assert "the database cannot be reached" in call("-h").out


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["list", "too", "many"], ["series"], ["--nonsense"]])
def test_wrong_usage_ends_with_2(environment: None, arguments: list[str]) -> None:
    assert call(*arguments).code == 2


def test_a_database_that_is_away_ends_with_5(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    for command in (["list"], ["crons"], ["workers"], ["schedule", "greet", "--in", "2h"]):
        answer = call(*command)
        assert answer.code == 5
        assert "cannot be reached" in answer.err
        assert call(*command, "--json").refusal["success"] is False


def test_a_database_that_was_not_migrated_ends_with_5_and_the_way_out(empty_database_url: str) -> None:
    answer = call("list")
    assert answer.code == 5
    assert "alembic upgrade head" in answer.err


def test_a_setting_that_cannot_be_used_ends_with_2_and_is_named(
    environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "nonsense")
    answer = call("list")
    assert answer.code == 2
    assert "PORT" in answer.err


def test_a_reader_that_goes_away_ends_a_list_silently(cli: Command) -> None:
    script = f"{sys.executable} -m core crons --json | true; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("141\n", "")


def test_check_passes_the_shipped_catalogue(environment: None) -> None:
    answer = call("check", ROOT / "crons/crons.toml")
    assert answer.code == 0
    assert "no mistakes" in answer.out


def test_check_names_each_mistake_with_its_line(environment: None, tmp_path: Path) -> None:
    broken = tmp_path / "crons.toml"
    broken.write_text(
        '[crons.a]\ntitle = { en = "A", fr = "A" }\nnoop = true\nspeed = 1\n\n'
        '[crons.b]\ntitle = { en = "B", fr = "B" }\n',
        encoding="utf-8",
    )
    answer = call("check", broken)
    assert answer.code == 2
    assert f"{broken}: line 4: cron 'a': speed: unknown key" in answer.out
    assert "line 6: cron 'b'" in answer.out
    told = call("check", broken, "--json")
    assert told.code == 2
    assert told.document["success"] is False
    assert [problem["line"] for problem in told.document["problems"]] == [4, 6]


@pytest.mark.parametrize("content", [b"[crons", b"\xff\xfe", None])
def test_check_says_what_keeps_it_from_reading(
    environment: None, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "crons.toml"
    if content is not None:
        path.write_bytes(content)
    assert call("check", path).code == 2


def test_crons_are_listed_with_what_is_wrong_with_the_file(cli: Command, crons_file: Path) -> None:
    assert "greet" in cli("crons").out
    crons_file.write_text(crons_file.read_text(encoding="utf-8") + "\n[crons.new]\n", encoding="utf-8")
    listed = cli("crons", "--json")
    assert listed.document["crons"][1]["name"] == "greet"
    assert listed.document["problems"][0]["line"] > 0
    assert "last good one" in cli("crons").err
