"""Reading .ics files: which periods their events are, and that no file takes long."""

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from core.calendar_file import read_ics
from core.errors import Invalid, TooLarge

YEAR = datetime.now(UTC).year + 1


def ics(*events: str, head: str = "") -> str:
    body = "".join(f"BEGIN:VEVENT\nUID:{place}\n{event}\nEND:VEVENT\n" for place, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{head}{body}END:VCALENDAR\n".replace("\n", "\r\n")


def ours(*lines: str) -> str:
    """A time zone as a file defines one: three hours ahead of UTC."""
    change = "TZOFFSETFROM:+0300\nTZOFFSETTO:+0300\n"
    return (
        "BEGIN:VTIMEZONE\nTZID:Ours\n"
        + "\n".join(["BEGIN:STANDARD", "DTSTART:16010101T000000", *lines, change + "END:STANDARD\n"])
        + f"BEGIN:DAYLIGHT\nDTSTART:16010701T000000\n{change}END:DAYLIGHT\nEND:VTIMEZONE\n"
    )


IN_OURS = "DTSTART;TZID=Ours:20200101T000000\nDURATION:PT1H"


def spans(text: str, timezone: str = "UTC") -> list[tuple[str, str]]:
    form = "%m-%dT%H:%M"
    return [(p.starts_at.strftime(form), p.ends_at.strftime(form)) for p in read_ics(text, timezone)]


@pytest.mark.parametrize(
    ("line", "begin"),
    [
        (f"DTSTART:{YEAR}0704T090000Z", "07-04T09:00"),
        (f"DTSTART;TZID=Europe/Paris:{YEAR}0704T090000", "07-04T07:00"),
    ],
)
def test_a_time_with_a_zone_is_the_instant_it_says(line: str, begin: str) -> None:
    [period] = read_ics(ics(f"SUMMARY:Freeze\n{line}\nDURATION:PT2H"), "Asia/Tokyo")
    assert period.name == "Freeze"
    assert period.starts_at.strftime("%m-%dT%H:%M") == begin
    assert period.ends_at - period.starts_at == timedelta(hours=2)


def test_a_zone_that_the_file_defines_itself_is_used() -> None:
    text = ics(f"DTSTART;TZID=Ours:{YEAR}0704T090000\nDURATION:PT1H", head=ours())
    assert spans(text) == [("07-04T06:00", "07-04T07:00")]


@pytest.mark.parametrize(
    "lines",
    [
        f"DTSTART;TZID=Nope:{YEAR}0704T090000\nDURATION:PT1H",
        f"DTSTART:{YEAR}0704T090000\nDTEND;TZID=Nope:{YEAR}0704T100000",
        f"DTSTART;TZID=Nope:{YEAR}0704T090000\nDTEND;TZID=Nope:{YEAR}0704T100000",
        f"DTSTART:{YEAR}0704T090000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=Nope:{YEAR}0705T090000",
        f"DTSTART:{YEAR}0704T090000Z\nRDATE;VALUE=PERIOD;TZID=Nope:{YEAR}0705T090000/PT1H",
        f"DTSTART:{YEAR}0704T090000Z\nRECURRENCE-ID;TZID=Nope:{YEAR}0704T100000",
    ],
)
def test_a_zone_that_nobody_knows_is_refused_by_its_name(lines: str) -> None:
    for zone in ("Nope", "localtime", "Factory"):
        with pytest.raises(Invalid, match=f"the event Freeze goes by the time zone {zone}, which is unknown"):
            read_ics(ics(f"SUMMARY:Freeze\n{lines}".replace("Nope", zone)), "Europe/Paris")


def test_a_zone_that_another_file_has_defined_is_not_known() -> None:
    event = f"DTSTART;TZID=Ours:{YEAR}0704T090000\nDURATION:PT1H"
    assert spans(ics(event, head=ours()))
    with pytest.raises(Invalid, match="the time zone Ours, which is unknown"):
        read_ics(ics(event))
    assert spans(ics(event, head=ours().replace("+0300", "+0400"))) == [("07-04T05:00", "07-04T06:00")]


def test_a_zone_by_its_windows_name_is_known() -> None:
    text = ics(f"DTSTART;TZID=W. Europe Standard Time:{YEAR}0704T090000\nDURATION:PT1H")
    assert spans(text) == [("07-04T07:00", "07-04T08:00")]


def test_a_whole_day_is_a_day_of_the_given_zone() -> None:
    text = ics(
        f"DTSTART;VALUE=DATE:{YEAR}1225", f"DTSTART;VALUE=DATE:{YEAR}0101\nDTEND;VALUE=DATE:{YEAR}0103"
    )
    assert spans(text) == [("01-01T00:00", "01-03T00:00"), ("12-25T00:00", "12-26T00:00")]
    assert spans(text, "Europe/Paris")[1] == ("12-24T23:00", "12-25T23:00")


def test_a_whole_day_on_which_the_clocks_change_is_as_long_as_it_is() -> None:
    text = ics("DTSTART;VALUE=DATE:20300331", "DTSTART;VALUE=DATE:20301027")
    spring, autumn = read_ics(text, "Europe/Paris")
    assert spring.ends_at - spring.starts_at == timedelta(hours=23)
    assert autumn.ends_at - autumn.starts_at == timedelta(hours=25)


def test_a_time_without_a_zone_is_one_of_the_given_zone() -> None:
    assert spans(ics(f"DTSTART:{YEAR}0704T090000\nDTEND:{YEAR}0704T100000"), "Europe/Paris") == [
        ("07-04T07:00", "07-04T08:00")
    ]


def test_recurring_events_are_written_out_for_ten_years() -> None:
    periods = read_ics(ics("SUMMARY:New Year\nDTSTART;VALUE=DATE:19000101\nRRULE:FREQ=YEARLY"))
    assert len(periods) == 10
    assert {(period.starts_at.month, period.starts_at.day) for period in periods} == {(1, 1)}


def test_exceptions_moved_and_added_occurrences_count() -> None:
    series = (
        f"DTSTART:{YEAR}0701T090000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4\n"
        f"EXDATE:{YEAR}0708T090000Z\nRDATE:{YEAR}0901T090000Z"
    )
    moved = f"DTSTART:{YEAR}0716T120000Z\nDURATION:PT1H\nRECURRENCE-ID:{YEAR}0715T090000Z"
    text = ics(series, moved).replace("UID:1\r\n", "UID:0\r\n")
    assert [begin for begin, _ in spans(text)] == ["07-01T09:00", "07-16T12:00", "07-22T09:00", "09-01T09:00"]


def test_what_is_over_or_cancelled_or_has_no_length_is_left_out() -> None:
    text = ics(
        "DTSTART;VALUE=DATE:20200101",
        f"DTSTART;VALUE=DATE:{YEAR}0101\nSTATUS:CANCELLED",
        f"DTSTART:{YEAR}0101T000000Z",
    )
    assert read_ics(text) == []


@pytest.mark.parametrize(
    "lines",
    [
        f"DTSTART:{YEAR}0103T000000Z\nDTEND:{YEAR}0102T000000Z",
        f"DTSTART;VALUE=DATE:{YEAR}0103\nDTEND;VALUE=DATE:{YEAR}0102",
        f"DTSTART;VALUE=DATE:{YEAR}0103\nDTEND:{YEAR}0102T000000Z",
        f"DTSTART;TZID=Asia/Tokyo:{YEAR}0103T120000\nDTEND:{YEAR}0103T023000Z",
        f"DTSTART:{YEAR}0103T000000Z\nDURATION:-PT1H",
    ],
)
def test_an_event_that_ends_before_it_begins_is_refused_by_its_name(lines: str) -> None:
    with pytest.raises(Invalid, match="the event Freeze of us ends before it begins"):
        read_ics(ics(f"SUMMARY:Freeze\\nof us\n{lines}"))
    with pytest.raises(Invalid, match="the event 0 ends before it begins"):
        read_ics(ics(lines))
    assert read_ics(ics(f"STATUS:CANCELLED\n{lines}")) == []


def test_an_event_within_a_jump_of_the_clocks_is_in_order() -> None:
    text = ics("DTSTART;TZID=Europe/Paris:20300331T023000\nDTEND;TZID=Europe/Paris:20300331T031000")
    assert read_ics(text) == []


def test_what_is_under_way_is_in() -> None:
    begin = (datetime.now(UTC) - timedelta(days=30)).strftime("%Y%m%d")
    end = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y%m%d")
    assert len(read_ics(ics(f"DTSTART;VALUE=DATE:{begin}\nDTEND;VALUE=DATE:{end}"))) == 1


def test_names_fit_a_blackout() -> None:
    text = ics(
        f"SUMMARY:{'long ' * 100}\nDTSTART;VALUE=DATE:{YEAR}0101",
        f"SUMMARY:two\\nlines\nDTSTART;VALUE=DATE:{YEAR}0102",
        f"DTSTART;VALUE=DATE:{YEAR}0103",
    )
    names = [period.name for period in read_ics(text)]
    assert len(names[0]) <= 200
    assert names[1:] == ["two lines", "Blackout"]


def test_the_cron_that_it_is_for_stands_in_each() -> None:
    [period] = read_ics(ics(f"DTSTART;VALUE=DATE:{YEAR}0101"), cron_name="greet")
    assert period.cron_name == "greet"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no iCalendar"),
        ("hello", "no iCalendar"),
        (ics(), "no events"),
        ("BEGIN:VEVENT\r\nEND:VEVENT\r\n", "BEGIN:VCALENDAR"),
        (ics("SUMMARY:no start"), "cannot be read"),
        (ics("DTSTART:yesterday"), "cannot be read"),
        (ics(f"DTSTART:{YEAR}0101T000000Z\nRRULE:FREQ=NEVER"), "cannot be read"),
        (ics(f"DTSTART:{YEAR}0101T000000Z\nRRULE:COUNT=2"), "cannot be read"),
        (ics(f"DTSTART:{YEAR}0101T000000Z\nDURATION:P999999999D"), "cannot be read"),
        (ics(f"DTSTART;VALUE=DATE:{YEAR}0101\nRRULE:FREQ=HOURLY"), "more often than daily"),
        (ics(f"DTSTART:{YEAR}0101T000000Z\nRRULE:FREQ=DAILY;BYSECOND=1,2,3"), "more often than daily"),
        (ics(f"DTSTART;VALUE=DATE:{YEAR}0101\nRRULE:FREQ=DAILY;INTERVAL=0"), "the INTERVAL 0"),
        (ics(f"DTSTART;VALUE=DATE:{YEAR}0101\nRRULE:FREQ=YEARLY;INTERVAL=-1"), "the INTERVAL -1"),
        (ics(IN_OURS, head=ours("RRULE:FREQ=MINUTELY")), "zone Ours changes other than yearly"),
        (ics(IN_OURS, head=ours("RRULE:FREQ=YEARLY;INTERVAL=0")), "the INTERVAL 0"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_ics(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_100_000,
        ics(*[f"DTSTART;VALUE=DATE:{YEAR}0101"] * 2001),
        ics(f"DTSTART;VALUE=DATE:{YEAR}0101\nRRULE:FREQ=DAILY"),
        ics(*["DTSTART;VALUE=DATE:00010101\nRRULE:FREQ=DAILY"] * 2),
        ics("DTSTART:19700101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3"),
        ics(*["DTSTART:19700101T000000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30"] * 50),
        ics("DTSTART:19700101T000000Z\nRRULE:FREQ=YEARLY;BYDAY=MO;BYSETPOS=" + ",".join(["300"] * 200_000)),
        ics(IN_OURS, head=ours("RDATE:" + ",".join(["20290101T000000"] * 20_000))),
        ics(*[f"{IN_OURS}\nRRULE:FREQ=DAILY"] * 20, head=ours("RRULE:FREQ=YEARLY")),
        ics(
            "SEQUENCE:2\nDTSTART:00010101T000000Z\nRRULE:FREQ=DAILY;UNTIL=20250101T000000Z",
            *["DTSTART:20240101T100000Z\nRECURRENCE-ID:20240101T000000Z\nEXDATE:20240102T000000Z"] * 999,
        ),
    ],
    ids=[
        "bytes",
        "events",
        "periods",
        "since long ago",
        "never",
        "never in many ways",
        "places of a rule",
        "changes of a zone",
        "rules in a zone of old",
        "moved occurrences",
    ],
)
def test_what_is_too_much_is_refused_soon(text: str) -> None:
    began = time.process_time()
    with pytest.raises(TooLarge):
        read_ics(text)
    assert time.process_time() - began < 10


def test_a_rule_that_never_comes_is_followed_where_that_costs_little() -> None:
    begin = f"DTSTART:{YEAR}0101T000000Z\nDURATION:PT1H\n"
    rules = [begin + f"RRULE:FREQ={each};BYMONTH=2;BYMONTHDAY=30" for each in ("MONTHLY", "YEARLY")]
    began = time.process_time()
    assert len(read_ics(ics(*rules))) == 2  # its first day counts, as RFC 5545 says
    assert time.process_time() - began < 10


PIECES = """
DTSTART:20300101T000000Z
DTSTART;VALUE=DATE:20300101
DTSTART;TZID=Europe/Paris:20300331T023000
DTEND;VALUE=DATE:20300103
DTEND:20290101T000000Z
DURATION:PT1H
DURATION:-P1D
RRULE:FREQ=WEEKLY;UNTIL=20300301
RRULE:FREQ=DAILY;COUNT=3
RRULE:FREQ=MONTHLY;BYDAY=2TU;UNTIL=20990101T000000Z
RRULE:X
EXDATE:20300108T000000Z
RDATE;VALUE=PERIOD:20300108T000000Z/PT1H
RECURRENCE-ID:20300101T000000Z
BEGIN:VALARM
END:VALARM
BEGIN:VEVENT
END:VEVENT
UID:1
STATUS:CANCELLED
SUMMARY:x
"""
LINES = st.one_of(st.sampled_from(PIECES.split()), st.text(max_size=20))


@settings(max_examples=300, deadline=None)
@given(events=st.lists(st.lists(LINES, max_size=8).map("\n".join), min_size=1, max_size=3))
def test_no_file_does_anything_but_be_read_or_refused(events: list[str]) -> None:
    try:
        periods = read_ics(ics(*events), "Europe/Paris")
    except Invalid:
        return
    for period in periods:
        assert period.starts_at < period.ends_at
        assert period.starts_at.tzinfo is not None


@settings(max_examples=50, deadline=None)
@given(days=st.lists(st.dates(date(YEAR, 1, 1), date(YEAR + 8, 12, 31)), min_size=1, max_size=20))
def test_what_the_library_writes_is_read_as_it_was_meant(days: list[date]) -> None:
    calendar = Calendar()
    for place, day in enumerate(days):
        event = Event()
        event.add("uid", str(place))
        event.add("dtstart", day)
        calendar.add_component(event)
    periods = read_ics(calendar.to_ical().decode())
    assert [period.starts_at.date() for period in periods] == sorted(days)
