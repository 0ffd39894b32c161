"""`import`, `blackouts import`, `feed`: taking crontabs and calendars over, and giving calendars out."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from core import blackouts, calendar_address, series
from core.catalogue import catalogue
from tests.cli.command import Command

pytestmark = pytest.mark.release

CRONTAB = """\
MAILTO=ops@example.org

# Back up the shop
30 2 * * mon-fri /opt/backup.sh --keep 7
*/5 * * * * cd /srv && make > /dev/null
@reboot /opt/boot.sh
"""
YEAR = datetime.now(UTC).year + 1


@pytest.fixture
def crontab(tmp_path: Path) -> Path:
    path = tmp_path / "crontab"
    path.write_text(CRONTAB, encoding="utf-8")
    return path


def test_a_crontab_is_only_looked_at_unless_told_to_apply(
    cli: Command, crontab: Path, crons_file: Path, count: Callable[[str], int]
) -> None:
    before = crons_file.read_text(encoding="utf-8")
    answer = cli("import", crontab, "--timezone", "Europe/Paris")
    assert answer.code == 0
    for said in (
        "at 02:30, Monday through Friday, Paris time",
        "line 6: @reboot runs when the machine starts",
        "line 1: output is kept with each run",
        "line 5: is read by a shell",
        "[crons.backup]",
    ):
        assert said in answer.out
    assert "Nothing was changed" in answer.err
    assert crons_file.read_text(encoding="utf-8") == before
    assert count("cron_series") == 0


def test_applied_it_makes_crons_and_series_once(cli: Command, crontab: Path) -> None:
    applied = cli("import", crontab, "--timezone", "Europe/Paris", "--apply", "--json").document
    assert [entry["name"] for entry in applied["crons"]] == ["backup", "make"]
    assert [line["line"] for line in applied["lines"]] == [4, 5]
    assert [told["line"] for told in applied["notTakenOver"]] == [6]
    assert len(applied["series"]) == 2
    assert {each.cron_name for each in series.find()} == {"backup", "make"}
    assert catalogue().cron("backup").command == ("/opt/backup.sh", "--keep", "7")
    assert cli("list", "--json").document["count"] == 2
    again = cli("import", crontab, "--timezone", "Europe/Paris", "--apply")
    assert again.code == 0
    assert "Added 0 crons and 0 series" in again.out
    assert len(series.find()) == 2


def test_what_was_taken_over_does_under_a_worker_what_it_did_under_cron(cli: Command, worker: None) -> None:
    given = "GREETING='good day'\n@daily sh -c 'cat; echo \"$GREETING\"; exit 3'%it's 100\\%%{all}\n"
    assert cli("import", "-", "--apply", given=given).code == 0
    ran = cli("run", "cat", "--follow")
    assert ran.out == "it's 100%\n{all}\ngood day\n"
    assert ran.code == 1
    assert "exit code 3" in ran.err


def test_it_reads_standard_input_and_writes_a_file_of_its_own(
    cli: Command, tmp_path: Path, crons_file: Path, count: Callable[[str], int]
) -> None:
    before = crons_file.read_text(encoding="utf-8")
    output = tmp_path / "new.toml"
    assert cli("import", "-", "--output", output, given="@daily /bin/x\n").code == 0
    assert cli("check", output).code == 0
    assert crons_file.read_text(encoding="utf-8") == before
    assert count("cron_series") == 0
    assert cli("import", "-", "--output", output, given="@daily /bin/x\n").code == 2
    assert cli("import", "-", "--output", output, "--apply", given="").code == 2


def test_the_system_form_takes_over_the_lines_of_one_user(cli: Command) -> None:
    given = "@daily alice /bin/a\n@daily bob /bin/b\n"
    one = cli("import", "-", "--system", "--as-user", "alice", "--json", given=given).document
    assert [entry["name"] for entry in one["crons"]] == ["a"]
    both = cli("import", "-", "--system", "--as-user", "alice", "--any-user", "--json", given=given).document
    assert [entry["name"] for entry in both["crons"]] == ["a", "b"]


@pytest.mark.parametrize("given", ["nonsense\n", "@reboot x\n"])
def test_a_file_of_which_nothing_can_be_taken_over_ends_with_2(cli: Command, given: str) -> None:
    answer = cli("import", "-", given=given)
    assert answer.code == 2
    assert "line 1" in answer.out
    assert "Nothing can be taken over." in answer.err
    assert "--apply" not in answer.err


@pytest.mark.parametrize(
    ("given", "way"),
    [
        ("", ()),
        ("MAILTO=ops@example.org\n", ("--json",)),
        ("# only a remark\n", ("--apply",)),
        ("\n", ("--output", "new.toml")),
    ],
)
def test_a_file_without_a_job_is_refused(
    cli: Command, tmp_path: Path, given: str, way: tuple[str, ...]
) -> None:
    written = [str(tmp_path / "new.toml") if part == "new.toml" else part for part in way]
    answer = cli("import", "-", *written, given=given)
    assert answer.code == 2
    assert "nothing can be taken over: none of its lines runs a command" in answer.err
    assert answer.out == ""
    assert not (tmp_path / "new.toml").exists()


def test_what_could_be_taken_over_only_in_part_ends_with_1(
    cli: Command, database: psycopg.Connection
) -> None:
    database.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'pattern: not today' USING ERRCODE = 'invalid_parameter_value';
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON cron_series FOR EACH ROW
            WHEN (NEW.cron_name = 'b') EXECUTE FUNCTION refuse();
        """
    )
    given = "@daily /bin/a\n@daily /bin/b\n"
    partly = cli("import", "-", "--apply", given=given)
    assert partly.code == 1
    assert "line 2: pattern: not today" in partly.out
    assert "Added 2 crons and 1 series" in partly.out
    database.execute("DROP TRIGGER refuse ON cron_series")
    assert cli("import", "-", "--apply", given=given).code == 0
    assert {each.cron_name for each in series.find()} == {"a", "b"}


def test_what_is_no_file_or_no_zone_ends_with_2(cli: Command, tmp_path: Path, crontab: Path) -> None:
    assert cli("import", tmp_path / "nothing").code == 2
    assert cli("import", tmp_path).code == 2
    assert cli("import", crontab, "--timezone", "Mars").code == 2
    (tmp_path / "latin").write_bytes(b"@daily /bin/\xe9\n")
    assert cli("import", tmp_path / "latin").code == 2


def test_holidays_become_blackouts_once(cli: Command, tmp_path: Path) -> None:
    file = tmp_path / "holidays.ics"
    file.write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:Christmas\n"
        f"DTSTART;VALUE=DATE:{YEAR}1225\nRRULE:FREQ=YEARLY;COUNT=3\nEND:VEVENT\nEND:VCALENDAR\n",
        encoding="utf-8",
    )
    looked = cli("blackouts", "import", file, "--timezone", "Europe/Paris")
    assert "Christmas" in looked.out
    assert blackouts.find() == []
    applied = cli("blackouts", "import", file, "--timezone", "Europe/Paris", "--apply", "--json").document
    assert (applied["count"], applied["present"]) == (3, 0)
    assert [each.name for each in blackouts.find()] == ["Christmas"] * 3
    again = cli("blackouts", "import", file, "--timezone", "Europe/Paris", "--apply", "--json").document
    assert (again["count"], again["present"]) == (0, 3)
    file.write_text("hello", encoding="utf-8")
    assert cli("blackouts", "import", file).code == 2


def test_blackouts_are_added_listed_and_removed(cli: Command) -> None:
    times = ("--from", f"{YEAR}-07-01 00:00", "--to", f"{YEAR}-07-02 00:00", "--timezone", "Europe/Paris")
    added = cli("blackouts", "add", "Freeze", *times, "--cron", "greet", "--json").document["blackout"]
    assert added["startsAt"] == f"{YEAR}-06-30T22:00:00Z"
    assert cli("blackouts", "list", "--json").document["count"] == 1
    assert "Freeze" in cli("blackouts", "list").out
    assert cli("blackouts", "remove", added["id"]).code == 0
    assert cli("blackouts", "remove", added["id"]).code == 3
    assert cli("blackouts", "add", "Freeze", *times, "--cron", "great").code == 3


def test_a_persons_feed_is_given_renewed_and_revoked(cli: Command) -> None:
    first = cli("feed", "alice").out.strip()
    match = re.fullmatch(r"http://127\.0\.0\.1:8501/api/calendar/alice/([\w-]{32})\.ics", first)
    assert match
    assert calendar_address.opens("alice", match[1])
    assert cli("feed", "alice", "--json").document["feed"]["url"] == first
    renewed = cli("feed", "alice", "--renew", "--json").document["feed"]
    assert renewed["url"] != first
    assert not calendar_address.opens("alice", match[1])
    assert cli("feed", "alice", "--revoke").code == 0
    assert cli("feed", "alice", "--revoke").code == 3
    assert cli("feed", "a/b").code == 2
    assert cli("feed", "alice", "--renew", "--revoke").code == 2
