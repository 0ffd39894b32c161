"""Taking crontab files over: what becomes of each line, and that doing it twice changes nothing."""

import subprocess
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import core.settings
from core import series
from core.actors import Actor
from core.catalogue import Catalogue, appending, argument_of, catalogue, parse
from core.crontab import Form, Job
from core.crontab import parse as read
from core.crontab_entry import command_of, name_of
from core.crontab_import import Import, Whose, apply, plan
from core.errors import Conflict, Forbidden, Invalid

ALICE = Actor("alice", "operator", "cli")
WHOSE = Whose("alice", homes={"alice": "/home/alice", "root": "/root"})


def made_of(text: str, form: Form = "user", whose: Whose = WHOSE) -> Import:
    crontab = read(text, form)
    return plan(crontab, catalogue(), series.find(), timezone="Europe/Paris", whose=whose)


def arguments_of(job: Job) -> list[str]:
    """The arguments as the worker starts them."""
    return [argument_of(word, {}) for word in command_of(job)[0]]


def run(job: Job) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments_of(job), capture_output=True, text=True, check=False, input="{}")


def test_a_plain_line_becomes_arguments_that_no_shell_reads() -> None:
    [job] = read("@daily find . -name '*.tmp' -exec rm {} \\;", "user").jobs
    command, by_shell = command_of(job)
    assert command == ("find", ".", "-name", "*.tmp", "-exec", "rm", "{{}}", ";")
    assert not by_shell


def test_a_line_that_takes_a_shell_gets_the_shell_that_the_file_names() -> None:
    [job] = read("SHELL=/bin/bash\n@daily cd /srv && make", "user").jobs
    assert command_of(job) == (("/bin/bash", "-c", "cd /srv && make"), True)


def test_assignments_reach_the_command() -> None:
    [job] = read("GREETING='good day {you}'\n@daily sh -c 'printf \\%s \"$GREETING\"'", "user").jobs
    assert run(job).stdout == "good day {you}"


@pytest.mark.parametrize("ending", ["", "%"])
def test_what_stands_after_a_percent_sign_is_read_by_the_command(ending: str) -> None:
    [job] = read(f"@daily cat; exit 3%it's $HOME%`two` {{}}{ending}", "user").jobs
    ended = run(job)
    assert ended.stdout == "it's $HOME\n`two` {}\n"
    assert ended.returncode == 3


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/local/bin/backup.sh --keep 7", "backup"),
        ("cd /srv/app && python3 manage.py tick > /dev/null", "manage"),
        ("test -x /usr/sbin/anacron || run-parts /etc/cron.daily", "run-parts"),
        ("/usr/bin/flock -n /run/lock nice -n 5 /opt/Make_Report.py", "make-report"),
        ("HOME=/x php /srv/cron.php", "cron"),
        ("$X", "job"),
        ("/bin/à_été", "job"),
        ("/bin/x_été", "x-t"),
    ],
)
def test_a_cron_is_named_after_the_program_it_is_about(command: str, name: str) -> None:
    assert name_of(command, ()) == name


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert name_of("backup.sh", {"backup", "backup-2"}) == "backup-3"


def test_a_line_becomes_a_cron_and_a_series(database_url: str, crons_file: Path) -> None:
    made = made_of("PATH=/bin\n# Back up the shop\n# keeps seven days\n30 2 * * * /opt/backup.sh {all}\n")
    [taken] = made.taken
    assert (taken.cron_name, taken.timezone, taken.is_new) == ("backup", "Europe/Paris", True)
    assert taken.words == "at 02:30, Paris time"
    done, failed = apply(ALICE, made)
    assert failed == []
    cron = catalogue().cron("backup")
    assert cron.title.en == cron.title.fr == "Back up the shop"
    assert cron.description is not None
    assert cron.description.en == "Back up the shop\nkeeps seven days"
    assert cron.command is not None
    assert [argument_of(word, {}) for word in cron.command] == [
        "/usr/bin/env", "PATH=/bin", "/bin/sh", "-c", "/opt/backup.sh {all}",
    ]  # fmt: skip
    assert (cron.working_directory, cron.exclusive, cron.tags) == ("/home/alice", False, ("crontab",))
    assert series.find() == done
    assert (done[0].cron_name, done[0].timezone) == ("backup", "Europe/Paris")
    assert done[0].pattern == {"kind": "cron", "expression": "30 2 * * *"}


def test_the_rest_of_the_catalogue_stays_as_it_was(database_url: str, crons_file: Path) -> None:
    before = crons_file.read_text(encoding="utf-8")
    mode = crons_file.stat().st_mode
    apply(ALICE, made_of("@daily /bin/x\n"))
    after = crons_file.read_text(encoding="utf-8")
    assert after.startswith(before.rstrip("\n"))
    assert list(parse(after)) == [*parse(before), "x"]
    assert crons_file.stat().st_mode == mode
    assert [each.name for each in crons_file.parent.iterdir()] == ["crons.toml"]


def test_doing_it_again_changes_nothing(database_url: str, crons_file: Path) -> None:
    text = "@daily /bin/x\n0 5 * * * /bin/x\n0 5 * * * /bin/x\n"
    first = made_of(text)
    assert [taken.is_new for taken in first.taken] == [True, True, False]
    apply(ALICE, first)
    before = crons_file.read_text(encoding="utf-8")
    again = made_of(text)
    assert (again.entries, [taken.is_new for taken in again.taken]) == ([], [False, False, False])
    assert apply(ALICE, again) == ([], [])
    assert crons_file.read_text(encoding="utf-8") == before
    assert len(series.find()) == 2


def test_of_two_lines_that_do_the_same_it_is_said_that_they_become_one(database_url: str) -> None:
    made = made_of("0 5 * * * /bin/x\n@daily /bin/x\n0 5 * * * /bin/x\n")
    assert [taken.is_new for taken in made.taken] == [True, True, False]
    [remark] = made.remarks
    assert remark.line == 3
    assert remark.reason == "does the same as line 1: cron runs it twice, one series runs it once"


def test_what_is_there_is_found_among_thousands_of_series(
    database_url: str, database: psycopg.Connection
) -> None:
    apply(ALICE, made_of("@daily /bin/x\n"))
    database.execute(
        "INSERT INTO cron_series (cron_name, pattern, timezone, starts_on, status) "
        "SELECT 'greet', '{\"kind\": \"cron\", \"expression\": \"@daily\"}', 'UTC', current_date, 'paused' "
        "FROM generate_series(1, 3000)"
    )
    assert [taken.is_new for taken in made_of("@daily /bin/x\n").taken] == [False]


def test_two_commands_of_one_program_are_two_crons(database_url: str) -> None:
    made = made_of("@daily /bin/x a\n@daily /bin/x b\n@daily /opt/greet\n")
    assert [entry.name for entry in made.entries] == ["x", "x-2", "greet-2"]


def test_lines_of_other_users_are_taken_over_only_when_asked_for(database_url: str) -> None:
    text = "@daily alice /bin/a\n@daily root /bin/b\n"
    made = made_of(text, "system")
    assert [taken.cron_name for taken in made.taken] == ["a"]
    assert "runs as root" in made.refused[0].reason
    made = made_of(text, "system", Whose("alice", any_user=True, homes=WHOSE.homes))
    assert [entry.working_directory for entry in made.entries] == ["/home/alice", "/root"]
    assert "as the worker's user here" in made.remarks[0].reason


def test_what_will_be_different_is_remarked(database_url: str) -> None:
    made = made_of(
        "MAILTO=a@b\n@daily root /bin/x\n@daily python3 x.py\n@daily a | b\nCRON_TZ=UTC\n@daily /bin/c"
    )
    said = {told.line: told.reason for told in made.remarks}
    assert "not mailed" in said[1]
    assert "system form" in said[2]
    assert "runs Crondesk" in said[3]
    assert "by a shell" in said[4]
    assert made.taken[-1].timezone == "UTC"


def test_a_catalogue_with_mistakes_is_left_alone(database_url: str, crons_file: Path) -> None:
    made = made_of("@daily /bin/x")
    with crons_file.open("a", encoding="utf-8") as file:
        file.write("\n[crons.broken]\n")
    before = crons_file.read_text(encoding="utf-8")
    with pytest.raises(Invalid, match="mend them first") as caught:
        apply(ALICE, made)
    assert any("broken" in detail for detail in caught.value.details)
    assert crons_file.read_text(encoding="utf-8") == before
    assert series.find() == []


def test_a_cron_that_somebody_else_has_added_meanwhile_is_not_doubled(
    database_url: str, crons_file: Path
) -> None:
    made = made_of("@daily /bin/x")
    appending.append(made.toml)
    with pytest.raises(Invalid):
        apply(ALICE, made)
    assert list(catalogue().crons).count("x") == 1


def test_a_change_in_the_same_moment_is_a_conflict(
    environment: None, crons_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = appending._parsed

    def change(text: str, complaint: str) -> None:
        checked(text, complaint)
        crons_file.write_text(crons_file.read_text(encoding="utf-8") + "# hello\n", encoding="utf-8")

    monkeypatch.setattr(appending, "_parsed", change)
    with pytest.raises(Conflict):
        appending.append('[crons.x]\ntitle = { en = "X", fr = "X" }\nnoop = true\n')
    assert crons_file.read_text(encoding="utf-8").endswith("# hello\n")
    assert [each.name for each in crons_file.parent.iterdir()] == ["crons.toml"]


def test_a_link_stays_a_link(
    environment: None, crons_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(crons_file)
    monkeypatch.setattr(core.settings.settings(), "crons_file", link)
    appending.append('[crons.x]\ntitle = { en = "X", fr = "X" }\nnoop = true\n')
    assert link.is_symlink()
    assert "x" in parse(crons_file.read_text(encoding="utf-8"))


def test_a_viewer_takes_nothing_over(database_url: str, crons_file: Path) -> None:
    before = crons_file.read_text(encoding="utf-8")
    with pytest.raises(Forbidden):
        apply(Actor("eve", "viewer", "dashboard"), made_of("@daily /bin/x"))
    assert crons_file.read_text(encoding="utf-8") == before


LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=40)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["@daily \x1f"])
@given(lines=st.lists(st.one_of(LINES, LINES.map("@daily ".__add__), LINES.map("# ".__add__)), max_size=6))
def test_what_is_written_is_a_catalogue_whatever_the_lines_hold(lines: list[str]) -> None:
    crontab = read("\n".join(lines), "user")
    made = plan(crontab, Catalogue(), [], timezone="UTC", whose=WHOSE)
    crons = parse(made.toml)
    assert list(crons) == [entry.name for entry in made.entries]
    for entry in made.entries:
        assert crons[entry.name].command == entry.command
    assert len(made.taken) == len(crontab.jobs)
