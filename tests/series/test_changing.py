"""A series is changed in place: its next run is planned anew, and nothing that a person did is lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any, Literal
from uuid import UUID

import psycopg
import pytest

from core import blackouts, calendar_feed, repeating, schedules, series, undo
from core.actors import Actor
from core.blackouts import Period
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.forecast import forecast
from core.schedules import Schedule
from core.series import Series
from tests.series.acting import ALICE, DAILY, EACH_MINUTE, miss, pending_of, plan_next, series_is_behind

LATER = {"kind": "daily", "at": "21:30"}
BOB = Actor("bob", "operator", "dashboard")


def made(**given: Any) -> Series:
    return series.create(ALICE, **{"cron_name": "nothing", "pattern": DAILY, "timezone": "UTC"} | given)


def instants_of(one: Series) -> list[datetime]:
    return sorted(schedule.scheduled_at for schedule in pending_of(one))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"pattern": LATER}, {"pattern": LATER}),
        ({"timezone": "Asia/Tokyo"}, {"timezone": "Asia/Tokyo"}),
        ({"first": datetime(2030, 1, 1, tzinfo=UTC)}, {"first": datetime(2030, 1, 1, tzinfo=UTC)}),
    ],
)
def test_the_next_occurrence_is_that_of_the_changed_series(
    database_url: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    one = made()
    [before] = pending_of(one)
    foreseen = series.preview_change(one.id, **given)
    after = series.change(BOB, one.id, **given)
    assert {name: getattr(after, name) for name in expected} == expected or "pattern" in given
    assert schedules.get(before.id).status == "cancelled"
    assert instants_of(one) == foreseen[:1]
    assert instants_of(one) == series.preview(after.pattern, after.timezone, first=after.first)[:1]
    assert (after.planned, after.status, after.created_by) == (1, "active", "alice")
    assert after.changed_by == "bob"
    assert after.changed_at is not None


def test_what_is_planned_takes_the_new_parameters_and_deadline(database_url: str) -> None:
    one = made(cron_name="greet", parameters={"name": "Ada"})
    [before] = pending_of(one)
    series.change(
        BOB, one.id, parameters={"name": "Bob"}, fire_within=timedelta(minutes=5), late_policy="drop"
    )
    [after] = pending_of(one)
    assert after.id != before.id
    assert after.scheduled_at == before.scheduled_at
    assert after.parameters == {"name": "Bob"}
    assert after.not_after == after.scheduled_at + timedelta(minutes=5)
    assert after.late_policy == "drop"


def test_a_change_says_what_it_was_and_what_it_is(database_url: str, database: psycopg.Connection) -> None:
    one = made(repeat_count=5)
    [before] = pending_of(one)
    series.change(BOB, one.id, pattern=LATER, repeat_count=None)
    kind, actor, details = database.execute(
        "SELECT kind, actor, details FROM cron_events WHERE kind = 'series.changed'"
    ).fetchone() or ("", "", {})
    assert (kind, actor, details["series_id"]) == ("series.changed", "bob", str(one.id))
    assert details["from"] == {"pattern": one.pattern, "repeat_count": 5}
    assert details["to"] == {"pattern": series.get(one.id).pattern, "repeat_count": None}
    cancelled = database.execute(
        "SELECT details ->> 'reason' FROM cron_events WHERE kind = 'schedule.cancelled' AND schedule_id = %s",
        (before.id,),
    ).fetchall()
    assert cancelled == [("series changed",)]


@pytest.mark.parametrize(
    "given", [{"pattern": DAILY}, {"parameters": {}}, {"missed": "one"}, {"first": None}]
)
def test_what_changes_nothing_writes_nothing(
    database_url: str, count: Callable[[str], int], given: dict[str, Any]
) -> None:
    one = made()
    [before] = pending_of(one)
    events = count("cron_events")
    assert series.change(BOB, one.id, **given) == series.get(one.id)
    assert series.get(one.id).changed_at is None
    assert [schedule.id for schedule in pending_of(one)] == [before.id]
    assert count("cron_events") == events


def test_true_is_not_one(database_url: str) -> None:
    one = made(parameters={"deep": 1})
    assert series.change(BOB, one.id, parameters={"deep": True}).parameters["deep"] is True


def test_an_occurrence_that_somebody_moved_stays_where_it_is(database_url: str) -> None:
    one = made()
    [moved] = pending_of(one)
    there = moved.scheduled_at + timedelta(minutes=7)
    schedules.change(ALICE, moved.id, scheduled_at=there)
    series.change(BOB, one.id, missed="all")
    planned = instants_of(one)
    assert planned == [there, moved.scheduled_at + timedelta(days=1)]
    assert series.get(one.id).planned == 2


def test_an_occurrence_that_somebody_edited_stays_as_it_is_unless_that_was_undone(database_url: str) -> None:
    one = made(cron_name="greet")
    [planned] = pending_of(one)
    edited = schedules.change(ALICE, planned.id, parameters={"name": "Ada"})
    foreseen = series.preview_change(one.id, missed="all")
    series.change(BOB, one.id, missed="all")
    assert instants_of(one) == [planned.scheduled_at, foreseen[0]]
    assert schedules.get(planned.id).parameters == {"name": "Ada"}
    undo.undo_event(ALICE, edited.event_id)
    series.change(BOB, one.id, pattern=LATER)
    assert schedules.get(planned.id).status == "cancelled"


def test_an_occurrence_that_somebody_cancelled_does_not_come_back(database_url: str) -> None:
    one = made()
    expected = series.preview(DAILY, "UTC")
    schedules.cancel(ALICE, pending_of(one)[0].id)
    plan_next(database_url)
    assert (
        series.preview_change(one.id, missed="all")
        == expected[1:] + series.preview(DAILY, "UTC", count=11)[10:]
    )
    series.change(BOB, one.id, missed="all")
    assert instants_of(one) == [expected[1]]
    series.pause(BOB, one.id)
    series.resume(BOB, one.id)
    assert instants_of(one) == [expected[1]]


def run_early(database: psycopg.Connection, one: Series) -> None:
    """What is pending has run, as if its instant had come."""
    database.execute(
        "UPDATE scheduled_cron_executions SET status = 'triggered', triggered_at = clock_timestamp() "
        "WHERE status = 'pending' AND series_id = %s",
        (one.id,),
    )


def test_the_planner_leaves_out_what_somebody_cancelled_before_a_change(
    database_url: str, database: psycopg.Connection
) -> None:
    one = made(pattern={"kind": "weekly", "at": "09:00", "days": ["monday"]})
    [cancelled] = pending_of(one)
    schedules.cancel(ALICE, cancelled.id)
    series.change(BOB, one.id, pattern=DAILY)
    planned = []
    for _ in range(8):
        planned += instants_of(one)
        run_early(database, one)
        plan_next(database_url)
    days = series.preview(DAILY, "UTC")
    assert planned == [at for at in days if at != cancelled.scheduled_at][:8]


def test_what_is_shown_to_come_leaves_out_what_somebody_cancelled(database_url: str) -> None:
    one = made(pattern={"kind": "weekly", "at": "09:00", "days": ["monday"]})
    [cancelled] = pending_of(one)
    schedules.cancel(ALICE, cancelled.id)
    foreseen = series.preview_change(one.id, pattern=DAILY)
    after = series.change(BOB, one.id, pattern=DAILY)
    assert instants_of(one) + series.ahead(after, 9) == foreseen
    now = datetime.now(UTC)
    [slot] = forecast([now, foreseen[-1] + timedelta(minutes=1)], now, shown=20)
    assert [occurrence.at for occurrence in slot.occurrences] == foreseen[1:]
    feed = calendar_feed.feed(calendar_feed.Choice()).content.decode()
    assert f"DTSTART:{foreseen[1]:%Y%m%dT%H%M%SZ}" in feed
    assert f"DTSTART:{cancelled.scheduled_at:%Y%m%dT%H%M%SZ}" not in feed


def test_the_planner_leaves_out_what_somebody_cancelled_before_a_blackout_went(
    database_url: str, database: psycopg.Connection
) -> None:
    one = made()
    first, _, third = series.preview(DAILY, "UTC", count=3)
    [dark] = blackouts.add(ALICE, [Period("freeze", first, first + timedelta(hours=1))])
    plan_next(database_url)
    schedules.cancel(ALICE, pending_of(one)[0].id)
    plan_next(database_url)
    blackouts.remove(ALICE, dark.id)
    assert instants_of(one) == [first]
    run_early(database, one)
    plan_next(database_url)
    assert instants_of(one) == [third]


def test_after_an_outage_what_somebody_cancelled_is_not_made_up_for(
    database_url: str, database: psycopg.Connection
) -> None:
    one = made(pattern=EACH_MINUTE, missed="all")
    [cancelled] = pending_of(one)
    schedules.cancel(ALICE, cancelled.id)
    miss(database, cancelled.id, 1 / 6, one.id)
    database.execute("UPDATE cron_series SET last_occurrence = last_occurrence - interval '5 minutes'")
    plan_next(database_url)
    planned = instants_of(one)
    assert len(planned) > 10
    assert cancelled.scheduled_at - timedelta(minutes=10) not in planned


def test_what_psql_cancelled_after_a_blackout_moved_it_does_not_come_back(
    database_url: str, database: psycopg.Connection
) -> None:
    one = made()
    first, second = series.preview(DAILY, "UTC", count=2)
    [dark] = blackouts.add(ALICE, [Period("freeze", first, first + timedelta(hours=1))])
    plan_next(database_url)
    blackouts.remove(ALICE, dark.id)
    database.execute("UPDATE scheduled_cron_executions SET status = 'cancelled' WHERE status = 'pending'")
    series.change(BOB, one.id, missed="all")
    assert instants_of(one) == [second]


def test_a_change_after_which_only_what_somebody_cancelled_would_come_is_refused(database_url: str) -> None:
    one = made()
    [cancelled] = pending_of(one)
    schedules.cancel(ALICE, cancelled.id)
    with pytest.raises(Invalid, match="no occurrence to come"):
        series.change(BOB, one.id, repeat_until=cancelled.scheduled_at)


def test_a_change_that_is_changed_again_plans_what_it_cancelled_itself(database_url: str) -> None:
    one = made()
    [first] = instants_of(one)
    series.change(BOB, one.id, pattern=LATER)
    series.change(BOB, one.id, pattern=DAILY)
    assert instants_of(one) == [first]
    assert series.get(one.id).planned == 1


def test_what_is_due_already_runs_as_it_was_planned(database_url: str, database: psycopg.Connection) -> None:
    one = made(pattern=EACH_MINUTE)
    [due] = pending_of(one)
    miss(database, due.id, 0.5, one.id)
    series.change(BOB, one.id, pattern=LATER)
    assert schedules.get(due.id).status == "pending"
    planned = instants_of(one)
    assert len(planned) == 2
    assert planned[1] == series.preview(LATER, "UTC")[0]


@pytest.mark.parametrize(("missed", "made_up_for"), [("one", 1), ("all", 5)])
def test_what_was_missed_before_a_change_is_made_up_for_as_it_was(
    database_url: str, database: psycopg.Connection, missed: Literal["one", "all"], made_up_for: int
) -> None:
    one = made(cron_name="greet", parameters={"name": "Ada"}, pattern=EACH_MINUTE, missed=missed)
    series_is_behind(database, one.id, timedelta(minutes=5))
    series.change(BOB, one.id, pattern=LATER, parameters={"name": "Bob"})
    names = [
        schedule.parameters["name"] for schedule in sorted(pending_of(one), key=lambda s: s.scheduled_at)
    ]
    assert names == ["Ada"] * made_up_for + ["Bob"]
    assert instants_of(one)[-1] == series.preview(LATER, "UTC")[0]


def test_what_was_missed_and_cannot_be_planned_does_not_keep_a_series_from_being_mended(
    database_url: str, database: psycopg.Connection
) -> None:
    one = made(cron_name="greet", parameters={"name": "Ada"}, pattern=EACH_MINUTE)
    series_is_behind(database, one.id, timedelta(minutes=5))
    database.execute("UPDATE cron_series SET parameters = '{\"name\": 7}'")  # as if its schema had changed
    series.change(BOB, one.id, parameters={"name": "Bob"})
    assert [schedule.parameters["name"] for schedule in pending_of(one)] == ["Bob"]


def test_a_paused_series_is_changed_and_stays_paused(database_url: str) -> None:
    one = made()
    series.pause(ALICE, one.id)
    after = series.change(BOB, one.id, pattern=LATER)
    assert after.status == "paused"
    assert pending_of(one) == []
    series.resume(ALICE, one.id)
    assert instants_of(one) == series.preview(LATER, "UTC")[:1]


def test_what_kept_a_series_from_going_on_is_forgotten_once_it_is_mended(
    database_url: str, database: psycopg.Connection
) -> None:
    one = made(cron_name="greet", parameters={"name": "Ada"})
    database.execute("UPDATE cron_series SET parameters = '{\"name\": 7}'")  # as if its schema had changed
    schedules.cancel(ALICE, pending_of(one)[0].id)
    plan_next(database_url)
    assert series.get(one.id).error_message
    assert series.change(BOB, one.id, parameters={"name": "Bob"}).error_message is None
    assert series.resume(BOB, one.id).status == "active"


def test_an_ended_series_is_not_changed(database_url: str) -> None:
    one = made()
    series.end(ALICE, one.id)
    with pytest.raises(Conflict, match="ended"):
        series.change(BOB, one.id, pattern=LATER)
    with pytest.raises(NotFound):
        series.change(BOB, UUID(int=1), pattern=LATER)
    with pytest.raises(Forbidden):
        series.change(Actor("eve", "viewer", "dashboard"), one.id, pattern=LATER)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "series"),
        ({"timezone": "Europe/Nowhere"}, "timezone"),
        ({"pattern": {"kind": "daily"}}, "repeatPattern.at"),
        ({"repeat_count": 0}, "repeatCount"),
        ({"repeat_count": 1}, "repeatCount: must be more than the 1 that it has planned already"),
        ({"fire_within": timedelta(0)}, "fireWithinSeconds"),
        ({"repeat_until": datetime(2020, 1, 1, tzinfo=UTC)}, "repeatPattern: has no occurrence to come"),
        ({"parameters": {"deep": float("nan")}}, "parameters"),
    ],
)
def test_a_change_that_breaks_a_rule_is_refused_and_changes_nothing(
    database_url: str, database: psycopg.Connection, given: dict[str, Any], field: str
) -> None:
    one = made()
    schedules.change(ALICE, pending_of(one)[0].id, scheduled_at=datetime.now(UTC) + timedelta(days=9))
    plan_next(database_url)
    before = instants_of(one), series.get(one.id)
    if "repeat_count" in given:  # what was moved by hand counts, what is planned anew does not
        assert before[1].planned == 2
    with pytest.raises(Invalid) as caught:
        series.change(BOB, one.id, **given)
    assert caught.value.message.startswith(field)
    assert (instants_of(one), series.get(one.id)) == before


def test_every_other_week_goes_on_in_the_same_weeks(database_url: str) -> None:
    fortnightly = {"kind": "weekly", "at": "02:00", "days": ["monday"], "every": 2}
    one = made(pattern=fortnightly, first=datetime.now(UTC) + timedelta(days=7))
    [before] = instants_of(one)
    series.change(BOB, one.id, pattern=fortnightly | {"at": "03:00"})
    assert instants_of(one) == [before + timedelta(hours=1)]
    series.change(BOB, one.id, first=before + timedelta(days=7))
    assert instants_of(one) == [before + timedelta(days=7, hours=1)]


def test_a_new_beginning_is_a_day_of_the_zone(database_url: str) -> None:
    one = made(timezone="Asia/Tokyo")
    begin = (datetime.now(UTC) + timedelta(days=30)).replace(hour=23)
    assert series.change(BOB, one.id, first=begin).starts_on == begin.date() + timedelta(days=1)


def test_a_preview_ends_where_the_count_does(database_url: str) -> None:
    one = made(repeat_count=3)
    assert series.preview_change(one.id, missed="all") == series.preview(DAILY, "UTC", count=3)
    schedules.cancel(ALICE, pending_of(one)[0].id)
    plan_next(database_url)
    assert series.preview_change(one.id, missed="all") == series.preview(DAILY, "UTC", count=3)[1:]


def test_no_event_tells_a_secret_that_the_row_held_in_clear(
    crons_file: Path, database_url: str, database: psycopg.Connection
) -> None:
    with crons_file.open("a", encoding="utf-8") as file:
        file.write(
            '\n[crons.sealed]\ntitle = { en = "Sealed", fr = "Scellé" }\nnoop = true\nsecrets = ["TOKEN"]\n'
            '[crons.sealed.parameters]\ntype = "object"\n'
            '[crons.sealed.parameters.properties.token]\ntype = "string"\nwriteOnly = true\n'
        )
    one = made(cron_name="sealed")
    database.execute('UPDATE cron_series SET parameters = \'{"token": "hunter2"}\'')
    series.change(BOB, one.id, parameters={})
    told = database.execute("SELECT details::text FROM cron_events WHERE kind = 'series.changed'").fetchall()
    assert len(told) == 1
    assert "token" in told[0][0]
    assert "hunter2" not in told[0][0]


def test_a_change_heeds_blackouts_and_gives_way_to_a_blackouts_end(database_url: str) -> None:
    one = made()
    [first] = instants_of(one)
    [dark] = blackouts.add(ALICE, [Period("freeze", first - timedelta(hours=1), first + timedelta(hours=1))])
    plan_next(database_url)
    series.change(BOB, one.id, missed="all")
    assert instants_of(one) == [first + timedelta(days=1)]
    blackouts.remove(ALICE, dark.id)
    plan_next(database_url)
    assert instants_of(one) == [first]


def test_a_key_whose_series_was_changed_makes_none_again(
    database_url: str, count: Callable[[str], int]
) -> None:
    one = made(idempotency_key="once")
    series.change(BOB, one.id, pattern=LATER)
    assert made(idempotency_key="once").id == one.id
    assert count("cron_series") == 1
    with pytest.raises(Conflict, match="Idempotency-Key"):
        made(cron_name="greet", parameters={"name": "Ada"}, idempotency_key="once")


def test_a_key_gives_the_schedule_that_was_first_though_a_change_planned_an_earlier_one(
    database_url: str,
) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)

    def planned() -> Schedule:
        return repeating.plan(ALICE, "nothing", begin, "daily", "UTC", idempotency_key="once")

    first = planned()
    assert first.series_id is not None
    sooner = {"kind": "daily", "at": (begin - timedelta(hours=2)).time().isoformat()}
    series.change(BOB, first.series_id, pattern=sooner, first=None)
    assert planned().id == first.id


def test_a_change_does_not_wait_for_what_is_being_fired(
    database_url: str, database: psycopg.Connection
) -> None:
    one = made(pattern=EACH_MINUTE, missed="all")
    series_is_behind(database, one.id, timedelta(minutes=5))
    plan_next(database_url)
    with psycopg.connect(database_url) as firing:
        firing.execute("SELECT * FROM get_ready_scheduled_crons()")
        assert series.change(BOB, one.id, missed="one").missed == "one"
    plan_next(database_url)
    assert max(instants_of(one)) > datetime.now(UTC)


def test_changes_at_once_beside_planners_and_blackouts_leave_one_occurrence(database_url: str) -> None:
    one = made(pattern=EACH_MINUTE)
    failures: list[Exception] = []

    def often(act: Callable[[int], object]) -> Callable[[], None]:
        def run() -> None:
            try:
                for turn in range(15):
                    act(turn)
            except Exception as error:  # noqa: BLE001  told below, whatever it is
                failures.append(error)

        return run

    def dark(turn: int) -> None:
        begin = datetime.now(UTC) + timedelta(minutes=turn)
        [period] = blackouts.add(ALICE, [Period(f"dark {turn}", begin, begin + timedelta(minutes=3))])
        blackouts.remove(ALICE, period.id)

    acts = [
        lambda turn: series.change(ALICE, one.id, pattern=EACH_MINUTE if turn % 2 else LATER),
        lambda turn: series.change(BOB, one.id, missed="all" if turn % 2 else "one"),
        lambda turn: plan_next(database_url, f"w{turn}"),
        dark,
    ]
    threads = [Thread(target=often(act)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    plan_next(database_url)
    after = series.get(one.id)
    waiting = [at for at in instants_of(one) if at > datetime.now(UTC)]
    assert len(waiting) == 1
    assert after.planned == len(instants_of(one))
