"""Series, deadlines and blackouts over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.api.caller import Caller, later

PARIS = ZoneInfo("Europe/Paris")
NIGHTLY = {
    "cronName": "nothing",
    "repeatPattern": {"kind": "daily", "at": "02:00"},
    "timezone": "Europe/Paris",
}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def made(api: Caller, **given: Any) -> dict[str, Any]:
    response = api("POST", "/series", json={**NIGHTLY, **given})
    assert response.status_code == 201, response.text
    answered: dict[str, Any] = response.json()
    return answered


UNREADABLE = ("timezone = 'Nowhere/X'", """pattern = '{"kind": "never"}'""", "pattern = '5'")


@pytest.mark.parametrize("written", UNREADABLE)
def test_a_series_that_psql_wrote_and_nobody_can_read_is_shown_and_ended(
    api: Caller, database: psycopg.Connection, written: str
) -> None:
    good, bad = made(api)["series"]["id"], made(api)["series"]["id"]
    database.execute(f"UPDATE cron_series SET {written} WHERE id = %s".encode(), [bad])
    assert {one["id"] for one in api("GET", "/series").json()["series"]} == {good, bad}
    shown = api("GET", f"/series/{bad}").json()
    assert (shown["words"], shown["upcoming"]) == (None, [])
    assert {one["seriesId"] for one in api("GET", "/schedule").json()["scheduled"]} == {good, bad}
    assert api("POST", f"/series/{bad}/end").json()["series"]["status"] == "ended"


def held(database: psycopg.Connection) -> str:
    row = database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, created_at, scheduled_at, not_after, late_policy, "
        "held_at, due_at) VALUES ('nothing', now() - interval '1 hour', now() - interval '10 minutes', "
        "now() - interval '1 minute', 'ask', now(), '9999-01-01Z') RETURNING id"
    ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize(("pattern", "days"), [("daily", 1), ("weekly", 7)])
@pytest.mark.parametrize("name", ["repeatPattern", "repeat_pattern"])
def test_a_schedule_that_repeats_makes_a_series_and_answers_with_its_first(
    api: Caller, pattern: str, days: int, name: str
) -> None:
    begin = (datetime.now(PARIS) + timedelta(days=2)).replace(microsecond=0)
    body = {
        "cronName": "nothing",
        "scheduledAt": begin.isoformat(),
        name: pattern,
        "timezone": "Europe/Paris",
    }
    response = api("POST", "/schedule", json=body)
    assert response.status_code == 201, response.text
    scheduled, series_id = response.json()["scheduled"], response.json()["seriesId"]
    assert instant(scheduled["scheduledAt"]) == begin
    assert scheduled["seriesId"] == series_id
    following = instant(api("GET", f"/series/{series_id}").json()["upcoming"][0])
    wall = following.astimezone(PARIS).replace(tzinfo=None)
    assert wall == begin.replace(tzinfo=None) + timedelta(days=days)


def test_a_monthly_one_keeps_its_day_of_the_month(api: Caller) -> None:
    begin = datetime(datetime.now(UTC).year + 1, 1, 15, 8, 30, tzinfo=UTC)
    response = api(
        "POST",
        "/schedule",
        json={"cronName": "nothing", "scheduledAt": begin.isoformat(), "repeat_pattern": "monthly"},
    )
    answered = api("GET", f"/series/{response.json()['seriesId']}").json()
    assert answered["series"]["repeatPattern"] == {"kind": "monthly", "at": "08:30:00", "day": 15, "every": 1}
    assert [instant(at).month for at in answered["upcoming"][:3]] == [2, 3, 4]


def test_a_pattern_object_begins_with_its_first_occurrence_after_the_instant(api: Caller) -> None:
    begin = datetime.now(UTC) + timedelta(days=3)
    pattern = {"kind": "cron", "expression": "0 4 * * *"}
    response = api(
        "POST",
        "/schedule",
        json={"cronName": "nothing", "scheduledAt": begin.isoformat(), "repeatPattern": pattern},
    )
    first = instant(response.json()["scheduled"]["scheduledAt"])
    assert timedelta(0) <= first - begin < timedelta(days=1)
    assert first.hour == 4


def test_until_ends_a_series_and_once_is_none(api: Caller) -> None:
    begin = datetime.now(UTC) + timedelta(days=1)
    body = {"cronName": "nothing", "scheduledAt": begin.isoformat()}
    until = (begin + timedelta(days=2, hours=1)).isoformat()
    response = api("POST", "/schedule", json={**body, "repeatPattern": "daily", "repeat_until": until})
    assert len(api("GET", f"/series/{response.json()['seriesId']}").json()["upcoming"]) == 2
    once = api("POST", "/schedule", json={**body, "repeatPattern": "once", "timezone": "Europe/Paris"})
    assert once.status_code == 201
    assert once.json()["seriesId"] is None


def test_a_repeating_one_goes_by_the_second_from_its_own_day_on(api: Caller) -> None:
    begin = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=500_000)
    body = {"cronName": "nothing", "scheduledAt": begin.isoformat(), "repeatPattern": "daily"}
    scheduled = api("POST", "/schedule", json=body).json()["scheduled"]
    assert instant(scheduled["scheduledAt"]) == begin.replace(microsecond=0)


def test_a_deadline_holds_for_one_and_for_each_of_a_series(api: Caller) -> None:
    begin = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    deadline = {"notAfter": (begin + timedelta(hours=1)).isoformat(), "latePolicy": "drop"}
    body = {"cronName": "nothing", "scheduledAt": begin.isoformat(), **deadline}
    one = api("POST", "/schedule", json=body).json()["scheduled"]
    assert (instant(one["notAfter"]), one["latePolicy"]) == (begin + timedelta(hours=1), "drop")
    first = api("POST", "/schedule", json={**body, "repeatPattern": "daily"}).json()
    assert instant(first["scheduled"]["notAfter"]) == begin + timedelta(hours=1)
    series = api("GET", f"/series/{first['seriesId']}").json()["series"]
    assert (series["fireWithinSeconds"], series["latePolicy"]) == (3600, "drop")


def test_a_series_is_made_told_in_words_and_listed(api: Caller) -> None:
    answered = made(api, createdBy="alice", repeatCount=3)
    series = answered["series"]
    assert answered["words"] == "every day at 02:00, Paris time"
    assert (series["status"], series["planned"], series["createdBy"]) == ("active", 1, "alice")
    assert instant(answered["nextScheduledAt"]).astimezone(PARIS).hour == 2
    assert len(answered["upcoming"]) == 2
    assert api("GET", "/schedule").json()["scheduled"][0]["id"] == answered["nextScheduleId"]
    listed = api("GET", "/series", params={"cronName": "nothing", "status": "active"}).json()
    assert (listed["series"], listed["count"]) == ([series], 1)
    assert api("GET", "/series", params={"status": "paused"}).json()["count"] == 0


def test_a_list_of_series_counts_those_that_it_has_no_room_for(api: Caller) -> None:
    latest = [made(api)["series"]["id"] for _ in range(3)][-1]
    listed = api("GET", "/series", params={"limit": 1}).json()
    assert ([one["id"] for one in listed["series"]], listed["count"]) == ([latest], 3)


def test_a_series_may_fire_as_late_as_a_schedule_may(api: Caller) -> None:
    ten_years = 3653 * 86_400
    assert made(api, fireWithinSeconds=ten_years)["series"]["fireWithinSeconds"] == ten_years
    refused = api("POST", "/series", json={**NIGHTLY, "fireWithinSeconds": ten_years + 1})
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("fireWithinSeconds")


def test_a_series_is_paused_resumed_and_ended(api: Caller) -> None:
    series_id = made(api)["series"]["id"]
    for verb, status, pending in (("pause", "paused", 0), ("resume", "active", 1), ("end", "ended", 0)):
        answered = api("POST", f"/series/{series_id}/{verb}")
        assert answered.status_code == 200
        assert answered.json()["series"]["status"] == status
        assert api("GET", "/schedule", params={"status": "pending"}).json()["count"] == pending
        assert api("POST", f"/series/{series_id}/{verb}").status_code == 409


@pytest.mark.parametrize("verb", ["pause", "resume", "end"])
def test_a_change_of_a_series_refuses_what_it_does_not_know(api: Caller, verb: str) -> None:
    series_id = made(api)["series"]["id"]
    if verb == "resume":
        api("POST", f"/series/{series_id}/pause")
    before = api("GET", f"/series/{series_id}").json()["series"]
    refused = api("POST", f"/series/{series_id}/{verb}", params={"until": later()})
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("until")
    assert api("GET", f"/series/{series_id}").json()["series"] == before


def test_what_is_held_is_fired_or_dropped_once(api: Caller, database: psycopg.Connection) -> None:
    fired, dropped = held(database), held(database)
    answered = api("POST", f"/schedule/{fired}/decide", json={"fire": True})
    assert (answered.status_code, answered.json()["scheduled"]["heldAt"]) == (200, None)
    assert (
        api("POST", f"/schedule/{dropped}/decide", json={"fire": False}).json()["scheduled"]["status"]
        == "failed"
    )
    assert api("POST", f"/schedule/{dropped}/decide", json={"fire": True}).status_code == 409
    assert api("POST", f"/schedule/{uuid4()}/decide", json={"fire": True}).status_code == 404
    assert api("POST", f"/schedule/{fired}/decide", json={"fire": "yes"}).status_code == 422


def test_a_blackout_is_added_listed_and_removed(api: Caller) -> None:
    expected = made(api)["upcoming"]
    period = {"name": "freeze", "startsAt": later(seconds=1), "endsAt": expected[1]}
    added = api("POST", "/blackouts", json=period)
    assert added.status_code == 201, added.text
    blackout = added.json()["blackout"]
    assert api("GET", "/blackouts").json()["blackouts"] == [blackout]
    pending = api("GET", "/schedule", params={"status": "pending"}).json()
    assert pending["count"] == 0, (pending, expected)
    removed = api("DELETE", "/blackouts", params={"id": blackout["id"]})
    assert removed.json() == {"success": True, "blackout": blackout}
    assert api("DELETE", "/blackouts", params={"id": blackout["id"]}).status_code == 404
    assert api("GET", "/blackouts").json()["count"] == 0


@pytest.mark.parametrize(
    ("path", "change", "status", "field"),
    [
        ("/schedule", {"repeatPattern": "hourly"}, 422, "repeatPattern"),
        ("/schedule", {"repeatPattern": {"kind": "daily"}}, 422, "repeatPattern.at"),
        ("/schedule", {"repeatPattern": "daily", "timezone": "Europe/Nowhere"}, 422, "timezone"),
        ("/schedule", {"timezone": "Europe/Nowhere"}, 422, "timezone"),
        ("/schedule", {"repeatUntil": later(days=9)}, 422, "repeatUntil"),
        ("/schedule", {"repeatPattern": "daily", "repeatUntil": later(minutes=1)}, 422, "repeat"),
        ("/schedule", {"repeatPattern": "daily", "scheduledAt": later(hours=-1)}, 422, "scheduledAt"),
        ("/schedule", {"repeatPattern": "daily", "notAfter": later(minutes=5)}, 422, "notAfter"),
        ("/schedule", {"repeatPattern": "daily", "notAfter": "2999-01-01T00:00:00Z"}, 422, "notAfter"),
        ("/schedule", {"latePolicy": "drop"}, 422, "notAfter"),
        ("/schedule", {"latePolicy": "wait"}, 422, "latePolicy"),
        ("/schedule", {"repeatPattern": "daily", "cronName": "nosuch"}, 404, ""),
        ("/series", {"repeatPattern": "daily"}, 422, "first"),
        ("/series", {"repeatPattern": "once"}, 422, "repeatPattern"),
        ("/series", {"repeatCount": 0}, 422, "repeatCount"),
        ("/series", {"repeatCount": True}, 422, "repeatCount"),
        ("/series", {"excludedDates": ["tomorrow"]}, 422, "excludedDates.0"),
        ("/series", {"fireWithinSeconds": 0}, 422, "fireWithinSeconds"),
        ("/series", {"fireWithinSeconds": 3e11}, 422, "fireWithinSeconds"),
        ("/series", {"repeatUntil": "1960-01-01T00:00:00Z"}, 422, "repeat"),
        ("/series", {"missed": "none"}, 422, "missed"),
        ("/series", {"createdBy": "b" * 201}, 422, "createdBy"),
        ("/series", {"createdBy": " "}, 422, "createdBy"),
        ("/series", {"createdBy": "bob\x00"}, 422, "createdBy"),
        ("/schedule", {"repeatPattern": "daily", "createdBy": "b" * 201}, 422, "createdBy"),
        ("/series", {"every": 2}, 422, "every"),
        ("/blackouts", {"name": ""}, 422, "name"),
        ("/blackouts", {"endsAt": later(hours=-5)}, 422, "endsAt"),
        ("/blackouts", {"endsAt": "9999-12-31T12:00:00Z"}, 422, "endsAt"),
        ("/blackouts", {"startsAt": "1960-01-01T00:00:00Z"}, 422, "startsAt"),
        ("/blackouts", {"cronName": "nosuch"}, 404, ""),
    ],
)
def test_what_breaks_a_rule_is_refused_by_name_and_leaves_nothing(
    api: Caller, count: Callable[[str], int], path: str, change: dict[str, Any], status: int, field: str
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "/schedule": {"cronName": "nothing", "scheduledAt": later()},
        "/series": NIGHTLY,
        "/blackouts": {"name": "freeze", "startsAt": later(hours=-1), "endsAt": later()},
    }
    response = api("POST", path, json={**bodies[path], **change})
    assert response.status_code == status, response.text
    assert response.json()["error"].startswith(field)
    for table in ("scheduled_cron_executions", "cron_series", "cron_blackouts", "cron_events"):
        assert count(table) == 0


@pytest.mark.parametrize("path", ["/schedule", "/series"])
def test_the_same_key_makes_one_series_and_answers_the_same(
    api: Caller, count: Callable[[str], int], path: str
) -> None:
    body = NIGHTLY if path == "/series" else repeating()
    headers = {"Idempotency-Key": "one"}
    first, again = (api("POST", path, json=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert again.json() == first.json()
    other = api("POST", path, json={**body, "createdBy": "bob"}, headers=headers)
    assert other.status_code == 409
    assert other.json()["error"].startswith("Idempotency-Key")
    assert api("POST", path, json=body, headers={"Idempotency-Key": "k" * 201}).status_code == 422
    assert count("cron_series") == count("scheduled_cron_executions") == 1


def test_a_call_that_is_repeated_after_the_first_run_answers_with_that_run(
    api: Caller, database: psycopg.Connection
) -> None:
    body = repeating()
    first = api("POST", "/schedule", json=body, headers={"Idempotency-Key": "one"}).json()
    database.execute("SELECT mark_scheduled_cron_triggered(%s, NULL)", (first["scheduled"]["id"],))
    again = api("POST", "/schedule", json=body, headers={"Idempotency-Key": "one"})
    assert again.status_code == 201, again.text
    assert again.json()["scheduled"]["id"] == first["scheduled"]["id"]
    assert again.json()["scheduled"]["status"] == "triggered"


def repeating() -> dict[str, Any]:
    begin = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    return {"cronName": "nothing", "scheduledAt": begin.isoformat(), "repeatPattern": "daily"}


def test_a_schedule_says_how_it_repeats(api: Caller) -> None:
    until = later(days=40)
    made(api, repeatUntil=until)
    api("POST", "/schedule", json={"cronName": "greet", "scheduledAt": later()})
    found = {one["cronName"]: one for one in api("GET", "/schedule").json()["scheduled"]}
    assert found["nothing"]["repeatPattern"] == "daily"
    assert instant(found["nothing"]["repeatUntil"]) == instant(until)
    assert (found["greet"]["repeatPattern"], found["greet"]["repeatUntil"]) == ("once", None)
    moved = api("PATCH", f"/schedule/{found['nothing']['id']}", json={"scheduledAt": later(days=2)})
    assert moved.json()["scheduled"]["repeatPattern"] == "daily"


@pytest.mark.parametrize("path", ["/schedule", "/series"])
def test_the_second_of_two_equal_times_does_not_begin_what_repeats(
    api: Caller, count: Callable[[str], int], path: str
) -> None:
    year = datetime.now(UTC).year + 1
    fold = next(
        day
        for day in (datetime(year, 10, 31, 1, 30, tzinfo=UTC) - timedelta(days=n) for n in range(7))
        if day.weekday() == 6
    )  # 02:30 in Paris, for the second time
    given = {"cronName": "nothing", "repeatPattern": "daily", "timezone": "Europe/Paris"}
    field = "first" if path == "/series" else "scheduledAt"
    refused = api("POST", path, json={**given, field: fold.isoformat()})
    assert refused.status_code == 422
    assert refused.json()["error"].startswith(f"{field}: ")
    assert "02:30+02:00" in refused.json()["error"] or "02:30:00+02:00" in refused.json()["error"]
    assert count("cron_series") == 0
    taken = api("POST", path, json={**given, field: (fold - timedelta(hours=1)).isoformat()})
    assert taken.status_code == 201


def test_without_the_token_nothing_is_told_or_done(stranger: Caller) -> None:
    for method, path in (
        ("GET", "/series"),
        ("POST", "/series"),
        ("GET", "/blackouts"),
        ("POST", "/blackouts"),
    ):
        assert stranger(method, path, json={}).status_code == 401


def test_a_series_is_changed_and_a_second_call_changes_nothing(
    api: Caller, count: Callable[[str], int]
) -> None:
    before = made(api, repeatCount=9, parameters={"deep": 1})
    path = f"/series/{before['series']['id']}"
    body = {"repeatPattern": {"kind": "daily", "at": "21:30"}, "timezone": "Asia/Tokyo", "repeatCount": None}
    response = api("PATCH", path, json=body)
    assert response.status_code == 200, response.text
    after = response.json()
    assert after["words"] == "every day at 21:30, Tokyo time"
    assert after["nextScheduleId"] != before["nextScheduleId"]
    assert instant(after["nextScheduledAt"]).astimezone(ZoneInfo("Asia/Tokyo")).hour == 21
    shown = after["series"]
    assert (shown["repeatCount"], shown["parameters"], shown["planned"]) == (None, {"deep": 1}, 1)
    assert (shown["changedBy"], before["series"]["changedBy"]) == ("api", None)
    events = count("cron_events")
    again = api("PATCH", path, json=body).json()
    assert again["nextScheduleId"] == after["nextScheduleId"]
    assert count("cron_events") == events
    assert api("GET", path).json()["series"] == shown


def test_a_run_that_is_planned_beside_one_that_was_moved_is_upcoming(
    api: Caller, database: psycopg.Connection
) -> None:
    before = made(api)
    later_on = instant(before["nextScheduledAt"]) - timedelta(minutes=1)
    api("PATCH", f"/schedule/{before['nextScheduleId']}", json={"scheduledAt": later_on.isoformat()})
    path = f"/series/{before['series']['id']}"
    api("PATCH", path, json={"missed": "all"})  # which plans the next one beside it
    after = api("GET", path).json()
    assert after["nextScheduleId"] == before["nextScheduleId"]
    assert after["upcoming"][0] == before["upcoming"][0]
    assert after["series"]["planned"] == 2


def test_a_word_repeats_the_instant_that_a_change_names(api: Caller) -> None:
    path = f"/series/{made(api)['series']['id']}"
    first = (datetime.now(PARIS) + timedelta(days=5)).replace(hour=11, minute=7, second=0, microsecond=0)
    changed = api("PATCH", path, json={"repeatPattern": "weekly", "first": first.isoformat()})
    assert changed.status_code == 200, changed.text
    assert instant(changed.json()["nextScheduledAt"]) == first
    begun = api("PATCH", path, json={"first": None})
    assert begun.json()["series"]["first"] is None


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "series"),
        ({"cronName": "greet"}, 422, "cronName"),
        ({"timezone": None}, 422, "timezone"),
        ({"repeatPattern": None}, 422, "repeatPattern"),
        ({"repeatPattern": "once"}, 422, "repeatPattern"),
        ({"repeatPattern": "daily"}, 422, "first"),
        ({"repeatPattern": {"kind": "daily", "at": "25:00"}}, 422, "repeatPattern.at"),
        ({"timezone": "Nowhere/X"}, 422, "timezone"),
        ({"parameters": None}, 422, "parameters"),
        ({"parameters": {"deep": "x" * 70_000}}, 413, "the body"),
        ({"repeatCount": 0}, 422, "repeatCount"),
        ({"repeatCount": "5"}, 422, "repeatCount"),
        ({"fireWithinSeconds": 0}, 422, "fireWithinSeconds"),
        ({"missed": None}, 422, "missed"),
        ({"latePolicy": "never"}, 422, "latePolicy"),
        ({"excludedDates": ["tomorrow"]}, 422, "excludedDates"),
        ({"excludedDates": None}, 422, "excludedDates"),
        ({"repeatUntil": "2020-01-01T00:00:00Z"}, 422, "repeatPattern"),
    ],
)
def test_a_change_that_breaks_a_rule_is_refused_by_name_and_changes_nothing(
    api: Caller, body: dict[str, Any], status: int, field: str
) -> None:
    before = made(api)
    path = f"/series/{before['series']['id']}"
    refused = api("PATCH", path, json=body)
    assert refused.status_code == status, refused.text
    assert refused.json()["error"].startswith(field)
    assert api("GET", path).json() == api("GET", path).json() | {
        name: before[name] for name in ("series", "nextScheduleId", "words")
    }


def test_an_ended_series_and_one_that_is_not_there_are_not_changed(api: Caller) -> None:
    path = f"/series/{made(api)['series']['id']}"
    api("POST", f"{path}/end")
    assert api("PATCH", path, json={"missed": "all"}).status_code == 409
    assert api("PATCH", f"/series/{uuid4()}", json={"missed": "all"}).status_code == 404
