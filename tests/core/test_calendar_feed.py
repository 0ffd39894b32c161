"""The calendar feed: what is in it, and that calendar programs can rely on its form."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from core import calendar_feed, schedules, series, undo
from core.actors import Actor
from core.calendar_feed import Choice

ALICE = Actor("alice", "operator", "dashboard")
BOB = Actor("bob", "operator", "dashboard")
STORABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
DAILY = {"kind": "daily", "at": "02:00"}


def ahead(hours: float) -> datetime:
    return (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0)


def events(choice: Choice | None = None) -> list[Event]:
    return Calendar.from_ical(calendar_feed.feed(choice or Choice()).content).events


def test_what_is_pending_is_in_it_and_what_is_done_is_not(database_url: str) -> None:
    planned = schedules.plan(ALICE, "greet", ahead(2), {"name": "Zoé"})
    schedules.cancel(ALICE, schedules.plan(ALICE, "greet", ahead(3)).id)
    [event] = events()
    assert event["UID"] == f"{planned.id}@crondesk"
    assert event["SUMMARY"] == "Greet"
    assert event.decoded("DTSTART") == planned.scheduled_at
    assert event.decoded("DURATION") == timedelta(minutes=15)
    assert (event["STATUS"], event["TRANSP"]) == ("CONFIRMED", "TRANSPARENT")
    assert 'Parameters: {"name": "Zoé"}' in str(event["DESCRIPTION"])
    assert "Planned by: alice" in str(event["DESCRIPTION"])


def test_an_empty_feed_is_a_calendar_too(database_url: str) -> None:
    assert events() == []
    empty = calendar_feed.feed(Choice())
    assert empty.changed_at is None
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n" in empty.content


def test_a_moved_schedule_keeps_its_uid_and_counts_its_revisions(database_url: str) -> None:
    planned = schedules.plan(ALICE, "greet", ahead(2))
    [before] = events()
    schedules.change(BOB, planned.id, scheduled_at=ahead(5))
    [after] = events()
    assert after["UID"] == before["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert after.decoded("DTSTART") == schedules.get(planned.id).scheduled_at
    assert after.decoded("LAST-MODIFIED") >= before.decoded("LAST-MODIFIED")


def test_what_is_taken_back_is_a_revision_too(database_url: str) -> None:
    planned = schedules.plan(ALICE, "greet", ahead(2), {"name": "Ada"})
    edited = schedules.change(BOB, planned.id, parameters={"name": "Bob"})
    assert [event["SEQUENCE"] for event in events()] == [1]
    undo.undo_event(BOB, edited.event_id)
    [back] = events()
    assert back["SEQUENCE"] == 2
    assert '{"name": "Ada"}' in str(back["DESCRIPTION"])


def test_a_series_that_nobody_can_read_keeps_nothing_else_out_of_it(
    database: psycopg.Connection,
) -> None:
    planned = schedules.plan(ALICE, "greet", ahead(2))
    bad = series.create(ALICE, "nothing", DAILY, "Europe/Paris")
    database.execute("UPDATE cron_series SET timezone = 'Nowhere/X' WHERE id = %s", [bad.id])
    assert f"{planned.id}@crondesk" in [event["UID"] for event in events()]


def test_the_same_rows_give_the_same_bytes(database_url: str) -> None:
    for hours in (3, 1, 2):
        schedules.plan(ALICE, "greet", ahead(hours))
    series.create(ALICE, "nothing", DAILY, "Europe/Paris")
    assert calendar_feed.feed(Choice()).content == calendar_feed.feed(Choice()).content


def test_a_series_is_forecast_for_sixty_days(database_url: str) -> None:
    series.create(ALICE, "nothing", DAILY, "Europe/Paris")
    first, *others = events()
    assert first["STATUS"] == "CONFIRMED"
    assert {event["STATUS"] for event in others} == {"TENTATIVE"}
    assert 58 <= len(others) <= 60
    days = [event.decoded("DTSTART") for event in (first, *others)]
    assert days == sorted(days)
    assert days[-1] <= datetime.now(UTC) + timedelta(days=60)
    assert len({event["UID"] for event in (first, *others)}) == len(days)


def test_a_forecast_that_becomes_a_schedule_keeps_its_uid(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", DAILY, "Europe/Paris")
    forecast = {event.decoded("DTSTART"): event["UID"] for event in events()}
    series.pause(ALICE, made.id)
    assert events() == []
    # Resumed after what was pending: the next occurrence, forecast before, is now a row.
    [gone] = database.execute("SELECT occurrence FROM scheduled_cron_executions").fetchall()
    database.execute("DELETE FROM scheduled_cron_executions")
    database.execute("UPDATE cron_series SET status = 'active', last_occurrence = %s", gone)
    following = series.get(made.id)
    instant = next(series.upcoming(following, [], datetime.now(UTC)))
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at, series_id, occurrence) "
        "VALUES ('nothing', %s, %s, %s, %s)",
        (instant, instant, made.id, instant),
    )
    planned = next(event for event in events() if event["STATUS"] == "CONFIRMED")
    assert planned["UID"] == forecast[instant]


def test_a_series_of_every_minute_does_not_flood_it(database_url: str) -> None:
    series.create(ALICE, "nothing", {"kind": "cron", "expression": "* * * * *"}, "UTC")
    assert len(events()) == 1 + calendar_feed.MOST_OF_A_SERIES


def test_it_can_be_narrowed_to_crons_and_to_oneself(database_url: str) -> None:
    schedules.plan(ALICE, "greet", ahead(1))
    schedules.plan(BOB, "nothing", ahead(2))
    series.create(BOB, "greet", {"kind": "monthly", "at": "02:00", "day": -1}, "UTC", repeat_count=1)
    assert len(events()) == 3
    assert [event["SUMMARY"] for event in events(Choice(frozenset({"nothing"})))] == ["Do nothing"]
    assert [event["SUMMARY"] for event in events(Choice(created_by="alice"))] == ["Greet"]


def test_it_speaks_french(database_url: str) -> None:
    schedules.plan(ALICE, "greet", ahead(1))
    [event] = events(Choice(language="fr"))
    assert event["SUMMARY"] == "Saluer"
    assert "Planifié par: alice" in str(event["DESCRIPTION"])


def test_secret_parameters_are_not_in_it(
    database_url: str, crons_file: Path, database: psycopg.Connection
) -> None:
    with crons_file.open("a", encoding="utf-8") as file:
        file.write(
            '\n[crons.call]\ntitle = { en = "Call", fr = "Appeler" }\nnoop = true\n'
            'secrets = ["TOKEN"]\n'
            '[crons.call.parameters]\ntype = "object"\n'
            '[crons.call.parameters.properties.token]\ntype = "string"\nformat = "password"\n'
            '[crons.call.parameters.properties.key]\ntype = "string"\nwriteOnly = true\n'
        )
    # As an older row may hold them.
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at, parameters) "
        "VALUES ('call', now() + interval '1 hour', now() + interval '1 hour', "
        """'{"token": "hush-1", "key": "hush-2"}')"""
    )
    [event] = events()
    assert "hush" not in str(event["DESCRIPTION"])


def test_a_schedule_whose_cron_has_left_the_catalogue_is_still_in_it(
    database_url: str, database: psycopg.Connection
) -> None:
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at) "
        "VALUES ('gone', now() + interval '1 hour', now() + interval '1 hour')"
    )
    [event] = events()
    assert event["SUMMARY"] == "gone"


def assert_well_formed(content: bytes) -> None:
    """RFC 5545, section 3.1: lines end in CRLF and have at most 75 octets, text is UTF-8."""
    assert content.endswith(b"END:VCALENDAR\r\n")
    content.decode("utf-8")
    for line in content.removesuffix(b"\r\n").split(b"\r\n"):
        assert len(line) <= 75
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line)
        line.decode("utf-8")  # a fold never cuts a character


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=100
    )
)
def test_no_text_breaks_the_form(database_url: str, database: psycopg.Connection, name: str) -> None:
    database.execute("DELETE FROM scheduled_cron_executions")
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at, created_by) "
        "VALUES (%s, now() + interval '1 hour', now() + interval '1 hour', %s)",
        ("greet", name),
    )
    content = calendar_feed.feed(Choice()).content
    assert_well_formed(content)
    [event] = Calendar.from_ical(content).walk("VEVENT")
    shown = calendar_feed.UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", name)
    assert str(event["DESCRIPTION"]).endswith(f"Planned by: {shown}")


@pytest.mark.parametrize(
    ("usual", "minutes"), [(None, 15), (0, 15), (60, 15), (901, 30), (3600, 60), (10**7, 24 * 60)]
)
def test_an_entry_is_as_long_as_the_cron_usually_runs(usual: float | None, minutes: int) -> None:
    assert calendar_feed._length(usual) == timedelta(minutes=minutes)


def lines_of(content: bytes) -> list[tuple[str, dict[str, str], str]]:
    """The lines of a calendar by RFC 5545, section 3.1, read strictly: name, parameters, value."""
    assert content.endswith(b"\r\n")
    raw = content.removesuffix(b"\r\n").split(b"\r\n")
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in raw)
    unfolded: list[bytes] = []
    for line in raw:
        # Unfolded as octets: a fold may part the octets of a letter.
        if line.startswith((b" ", b"\t")):
            unfolded[-1] += line[1:]
        else:
            unfolded.append(line)
    found = []
    for line in unfolded:
        match = CONTENT_LINE.fullmatch(line.decode("utf-8"))
        assert match, line
        parameters = dict(PARAMETER.findall(match["parameters"]))
        assert not UNPRINTABLE.search(match["value"])
        found.append((match["name"], parameters, match["value"]))
    return found


PARAMETER = re.compile(r';([A-Z-]+)=("[^"]*"|[^";:,]*)')
CONTENT_LINE = re.compile(
    r'(?P<name>[A-Z][A-Z0-9-]*)(?P<parameters>(?:;[A-Z-]+=(?:"[^"]*"|[^";:,]*))*):(?P<value>.*)', re.DOTALL
)
UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
INSTANT = re.compile(r"\d{8}T\d{6}Z")
DURATION = re.compile(r"PT(\d+H)?(\d+M)?(\d+S)?")
TEXT = re.compile(r"(?:[^\\,;]|\\[\\,;Nn])*")


def test_a_strict_reader_of_rfc_5545_finds_nothing_to_object_to(database_url: str) -> None:
    series.create(ALICE, "greet", DAILY, "Europe/Paris", parameters={"name": "Zoé; a, b\\ é" * 6})
    schedules.plan(ALICE, "greet", ahead(2), {"name": "日本語" * 30})
    schedules.plan(ALICE, "nothing", ahead(3))
    found = lines_of(calendar_feed.feed(Choice(language="fr")).content)
    assert found[0] == ("BEGIN", {}, "VCALENDAR")
    assert found[-1] == ("END", {}, "VCALENDAR")
    begin = found.index(("BEGIN", {}, "VEVENT"))
    head = [name for name, _, _ in found[1:begin]]
    assert head.count("VERSION") == head.count("PRODID") == 1
    uids: list[str] = []
    event: dict[str, str] = {}
    for name, _, value in found[begin:-1]:
        if name == "BEGIN":
            assert value == "VEVENT"
            event = {}
        elif name == "END":
            assert {"UID", "DTSTAMP", "DTSTART", "SUMMARY", "SEQUENCE"} <= set(event)
            assert all(INSTANT.fullmatch(event[each]) for each in ("DTSTAMP", "DTSTART", "LAST-MODIFIED"))
            assert DURATION.fullmatch(event["DURATION"])
            assert all(TEXT.fullmatch(event[each]) for each in ("SUMMARY", "DESCRIPTION"))
            uids.append(event["UID"])
        else:
            assert name not in event, f"{name} stands twice"
            event[name] = value
    assert len(uids) == len(set(uids)) > 50
