"""Crontab files: every line is read as cron reads it, or refused with its reason."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from crontab import CronItem, CronRange, CronSlice, CronTab
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.crontab import Form, Job, form_of, parse
from core.recurrence import instants, parse_pattern


def jobs(text: str, form: Form = "user") -> list[Job]:
    found = parse(text, form)
    assert found.refused == []
    return found.jobs


def reason(line: str, form: Form = "user") -> str:
    found = parse(line, form)
    assert found.jobs == []
    [refused] = found.refused
    assert refused.line == 1
    return refused.reason


def test_the_fields_and_the_command_are_told_apart() -> None:
    [job] = jobs("\n \t*/5\t0-6,22 1 jan-mar mon,WED  /bin/x  a  b")
    assert job == Job(2, "*/5 0-6,22 1 jan-mar mon,WED", "/bin/x  a  b")


@pytest.mark.parametrize(
    ("nickname", "expression"),
    [
        ("@yearly", "@yearly"),
        ("@annually", "@annually"),
        ("@monthly", "@monthly"),
        ("@weekly", "@weekly"),
        ("@daily", "@daily"),
        ("@midnight", "@midnight"),
        ("@Hourly", "@hourly"),
        ("@every_minute", "* * * * *"),
    ],
)
def test_nicknames_are_known(nickname: str, expression: str) -> None:
    [job] = jobs(f"{nickname} /bin/x")
    assert job.expression == expression
    parse_pattern({"kind": "cron", "expression": job.expression})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("@reboot /bin/x", "when the machine starts"),
        ("@fortnightly /bin/x", "not known"),
        ("61 * * * * /bin/x", "five fields cannot be read"),
        ("* * * * 8 /bin/x", "five fields cannot be read"),
        ("0 0 30 2 * /bin/x", "five fields cannot be read"),
        ("0~59 * * * * /bin/x", "by chance"),
        ("10/5 * * * * /bin/x", "10/5 may be meant as 10-59/5"),
        ("0 1,2/4 * * * /bin/x", "2/4 may be meant as 2-23/4"),
        ("0 0 L * * /bin/x", "knows no 'L'"),
        ("0 0 * * 5L /bin/x", "knows no '5L'"),
        ("0 0 * * fri#2 /bin/x", "knows no 'fri#2'"),
        ("0 0 * * fri-mon /bin/x", "five fields cannot be read"),
        ("* * * * *", "names no command"),
        ("@daily", "names no command"),
        ("* * * * * %input", "before the %"),
        ("nonsense", "neither an assignment nor five fields"),
        ('NAME = "open', "no counterpart"),
        ("* * * * * a\x00b", "NUL"),
    ],
)
def test_what_cannot_be_taken_over_is_said_with_its_reason(line: str, said: str) -> None:
    assert said in reason(line)


def test_a_broken_line_costs_no_other() -> None:
    found = parse("nonsense\n@daily /bin/a\n61 * * * * /bin/b\r\n@daily /bin/c\r\n", "user")
    assert [job.command for job in found.jobs] == ["/bin/a", "/bin/c"]
    assert [told.line for told in found.refused] == [1, 3]


def test_the_system_form_has_a_user_before_the_command() -> None:
    [job] = jobs("17 *\t* * *\troot    cd / && run-parts --report /etc/cron.hourly", "system")
    assert (job.user, job.command) == ("root", "cd / && run-parts --report /etc/cron.hourly")
    [job] = jobs("@daily alice /bin/x", "system")
    assert (job.user, job.command) == ("alice", "/bin/x")
    assert "names no user" in reason("@daily", "system")
    assert "names no command" in reason("* * * * * root", "system")


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("A=b", "A", "b"),
        ("  A \t=  b c  ", "A", "b c"),
        ("A=", "A", ""),
        ("A=' b '", "A", " b "),
        ('"A b"="c"', "A b", "c"),
        ("A=b=c", "A", "b=c"),
        ("A=$HOME/x # no comment", "A", "$HOME/x # no comment"),
    ],
)
def test_assignments_are_read_as_cron_reads_them(line: str, name: str, value: str) -> None:
    [job] = jobs(f"{line}\n@daily /bin/x")
    assert job.environment == {name: value}


def test_an_assignment_holds_for_the_lines_below_it() -> None:
    before, between, after = jobs("@daily /bin/a\nX=1\n@daily /bin/b\nX=2\nY=3\n@daily /bin/c")
    assert before.environment == {}
    assert between.environment == {"X": "1"}
    assert after.environment == {"X": "2", "Y": "3"}


def test_cron_tz_is_the_zone_of_the_lines_below_it() -> None:
    before, after = jobs("@daily /bin/a\nCRON_TZ=America/New_York\n@daily /bin/b")
    assert (before.timezone, after.timezone, after.environment) == (None, "America/New_York", {})
    assert "no IANA time zone: Mars" in parse("CRON_TZ=Mars\n@daily /bin/a", "user").refused[0].reason


def test_assignments_to_cron_itself_are_remarked_and_reach_no_command() -> None:
    text = "MAILTO=ops@example.org\nMAILTO=''\nLOGNAME=bob\nRANDOM_DELAY=5\nTZ=UTC\n@daily /bin/x"
    found = parse(text, "user")
    assert [told.line for told in found.remarks] == [1, 3, 4, 5]
    assert found.jobs[0].environment == {"TZ": "UTC"}


@pytest.mark.parametrize(
    ("text", "command", "stdin"),
    [
        ("mail boss", "mail boss", None),
        ("mail boss%Dear boss", "mail boss", "Dear boss\n"),
        ("mail boss%Dear boss,%%all well%", "mail boss", "Dear boss,\n\nall well\n"),
        (r"date +\%F%a\%b", "date +%F", "a%b\n"),
        (r"x a\\%b", "x a\\%b", None),
    ],
)
def test_a_percent_sign_ends_the_command_and_begins_what_it_reads(
    text: str, command: str, stdin: str | None
) -> None:
    [job] = jobs(f"@daily {text}")
    assert (job.command, job.stdin) == (command, stdin)


def test_the_comment_right_above_describes_a_job() -> None:
    text = """
# of the file

# m h  dom mon dow   command
# ----------
# Back up the shop
#   keeps seven days
#0 3 * * * /bin/old
@daily /bin/a
@daily /bin/b
"""
    first, second = jobs(text)
    assert first.comment == ("Back up the shop", "keeps seven days")
    assert second.comment == ()


NUMBERS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


@st.composite
def field(draw: st.DrawFn, low: int, high: int) -> str:
    def piece() -> str:
        kind = draw(st.sampled_from(["*", "*/", "n", "-", "-/"]))
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        step = draw(st.integers(1, high - low))
        return {
            "*": "*",
            "*/": f"*/{step}",
            "n": f"{first}",
            "-": f"{first}-{last}",
            "-/": f"{first}-{last}/{step}",
        }[kind]

    return ",".join(piece() for _ in range(draw(st.integers(1, 3))))


EXPRESSIONS = st.tuples(*(field(low, high) for low, high in NUMBERS)).map(" ".join)
COMMANDS = st.text(st.sampled_from("ab /.-|&;<>$'\"=*"), min_size=1, max_size=30).filter(
    lambda text: text.strip() and text.strip() == text and not text.startswith("=")
)


@settings(max_examples=200, deadline=None)
@given(lines=st.lists(st.tuples(EXPRESSIONS, COMMANDS), min_size=1, max_size=5))
def test_jobs_are_those_that_a_parser_of_another_make_reads(lines: list[tuple[str, str]]) -> None:
    text = "".join(f"{expression} {command}\n" for expression, command in lines)
    found = parse(text, "user")
    # A date that never comes, such as 31 February, is refused here and kept there.
    assert all("never comes" in told.reason or "day-of-month" in told.reason for told in found.refused)
    refused = {told.line for told in found.refused}
    theirs = [job for line, job in enumerate(CronTab(tab=text), 1) if line not in refused]
    assert [job.command for job in found.jobs] == [job.command for job in theirs]


DAY = timedelta(days=1)


def instants_by(job: CronItem, expression: str, begin: datetime, days: int) -> Iterator[datetime]:
    """When cron(8) runs a job, day by day, by the fields as the other parser reads them."""
    minutes, hours, days_of_month, months, weekdays = (sorted(set(_values(part))) for part in job.slices)
    of_week = {each % 7 for each in weekdays}
    # Both have to fit where one of them begins with an asterisk, else either (crontab(5)).
    either = not any(written.startswith("*") for written in (expression.split()[2], expression.split()[4]))
    for number in range(days):
        day = begin + number * DAY
        by_month, by_week = day.day in days_of_month, day.isoweekday() % 7 in of_week
        if day.month in months and (by_month or by_week if either else by_month and by_week):
            for hour, minute in product(hours, minutes):
                yield day + timedelta(hours=hour, minutes=minute)


def _values(part: CronSlice) -> Iterator[int]:
    for each in part.parts or [CronRange(part, "*")]:
        yield from [each] if isinstance(each, int) else each.range()


# The other parser reads ranges that end with 7 in a way of its own.
WITHOUT_SEVEN = st.tuples(*(field(low, high) for low, high in [*NUMBERS[:4], (0, 6)])).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(expression=WITHOUT_SEVEN)
def test_a_job_runs_when_the_parser_of_another_make_says(expression: str) -> None:
    found = parse(f"{expression} x", "user")
    assume(found.jobs)
    begin, days = datetime(2026, 2, 1, tzinfo=UTC), 430
    pattern = parse_pattern({"kind": "cron", "expression": found.jobs[0].expression})
    ours = instants(pattern, ZoneInfo("UTC"), begin.date(), begin - timedelta(seconds=1))
    [theirs] = list(CronTab(tab=f"{expression} x\n"))
    expected = list(islice(instants_by(theirs, expression, begin, days), 100))
    assert list(islice(ours, len(expected))) == expected


def test_a_range_of_one_with_a_step_is_that_one() -> None:
    [job] = jobs("10-10/5,20 3-3/2 1-31/7 jan-jan/1 1-1/1 /bin/x")
    assert job.expression == "10,20 3 1-31/7 jan 1"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/etc/crontab", "system"),
        ("/etc/cron.d/shop", "system"),
        ("/etc/cron.d/../crontab", "system"),
        ("/etc/crontab.old", "user"),
        ("/etc/cron.daily/shop", "user"),
        ("/home/alice/crontab", "user"),
        ("-", "user"),
    ],
)
def test_the_files_that_name_users_are_known_by_where_they_stand(path: str, form: str) -> None:
    assert form_of(Path(path)) == form


def test_a_link_to_a_file_that_names_users_is_one(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/etc/cron.d/shop")
    assert form_of(link) == "system"


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=200), form=st.sampled_from(["user", "system"]))
def test_no_text_breaks_the_reading(text: str, form: Form) -> None:
    found = parse(text, form)
    numbers = [job.line for job in found.jobs] + [refused.line for refused in found.refused]
    assert len(numbers) == len(set(numbers))
    for job in found.jobs:
        parse_pattern({"kind": "cron", "expression": job.expression})
