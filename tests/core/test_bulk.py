"""Many at once: cancelled and moved by a filter, and taken back, while workers claim."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from core import bulk, events, schedules, series, undo
from core.actors import Actor
from core.errors import Conflict, Forbidden, Invalid
from core.schedules import Filter, Plan, Schedule

ALICE = Actor("alice", "operator", "dashboard")
EVE = Actor("eve", "viewer", "dashboard")
NIGHTLY = Filter(search="nightly")


def ahead(**length: float) -> datetime:
    return datetime.now(UTC) + timedelta(**length)


def plan(count: int, mark: str = "nightly", **first: float) -> list[Schedule]:
    begin = ahead(**(first or {"hours": 1}))
    plans = [Plan("nothing", begin + timedelta(seconds=place), {"mark": mark}) for place in range(count)]
    return list(schedules.plan_many(ALICE, plans))


def make_due(database: psycopg.Connection, *ids: UUID) -> None:
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '1 hour', "
        "scheduled_at = now() - interval '1 second', due_at = now() - interval '1 second' "
        "WHERE id = ANY (%s)",
        (list(ids),),
    )


def statuses(made: list[Schedule]) -> list[str]:
    return [schedules.get(one.id).status for one in made]


def test_the_count_is_shown_before_anything_is_done(database: psycopg.Connection) -> None:
    made = plan(5)
    plan(3, "others")
    make_due(database, made[0].id)
    database.execute("SELECT get_ready_scheduled_crons(1)")
    assert bulk.count_matching(NIGHTLY) == bulk.Matching(free=4, too_late=1)
    assert bulk.count_matching(Filter()) == bulk.Matching(free=7, too_late=1)


def test_the_count_of_a_move_tells_what_would_end_in_the_past(database_url: str) -> None:
    plan(3, minutes=10)
    plan(2, hours=3)
    assert bulk.count_matching(NIGHTLY, by=timedelta(hours=-1)) == bulk.Matching(free=2, too_late=3)


def test_everything_that_matches_is_cancelled_and_nothing_else(database_url: str) -> None:
    made, others = plan(5), plan(3, "others")
    act = bulk.cancel_matching(ALICE, NIGHTLY)
    assert (act.changed, act.too_late) == (5, 0)
    assert statuses(made) == ["cancelled"] * 5
    assert statuses(others) == ["pending"] * 3


def test_what_is_being_fired_stays_and_is_counted(database: psycopg.Connection) -> None:
    made = plan(3)
    make_due(database, made[1].id)
    database.execute("SELECT get_ready_scheduled_crons(1)")
    for act in (
        bulk.move_matching(ALICE, NIGHTLY, by=timedelta(hours=1)),
        bulk.cancel_matching(ALICE, NIGHTLY),
    ):
        assert (act.changed, act.too_late) == (2, 1)
    assert statuses(made) == ["cancelled", "pending", "cancelled"]


def test_a_claim_whose_worker_fell_silent_holds_nothing_back(database: psycopg.Connection) -> None:
    made = plan(1)
    make_due(database, made[0].id)
    database.execute("SELECT get_ready_scheduled_crons(1)")
    database.execute("UPDATE scheduled_cron_executions SET due_at = now() - interval '1 second'")
    assert bulk.cancel_matching(ALICE, NIGHTLY).changed == 1


def test_everything_that_matches_moves_with_its_deadline(database_url: str) -> None:
    made = schedules.plan(
        ALICE, "nothing", ahead(hours=1), {"mark": "nightly"}, not_after=ahead(hours=2), late_policy="drop"
    )
    act = bulk.move_matching(ALICE, NIGHTLY, by=timedelta(minutes=90))
    assert act.changed == 1
    moved = schedules.get(made.id)
    assert moved.scheduled_at - made.scheduled_at == timedelta(minutes=90)
    assert moved.due_at == moved.scheduled_at
    assert made.not_after is not None
    assert moved.not_after == made.not_after + timedelta(minutes=90)


def test_everything_that_matches_moves_to_one_instant(database_url: str) -> None:
    made, there = plan(3), ahead(days=1)
    assert bulk.move_matching(ALICE, NIGHTLY, to=there).changed == 3
    assert {schedules.get(one.id).scheduled_at for one in made} == {there}


def test_what_would_end_in_the_past_stays_where_it_is(database_url: str) -> None:
    near, far = plan(2, minutes=10), plan(2, hours=3)
    act = bulk.move_matching(ALICE, NIGHTLY, by=timedelta(hours=-1))
    assert (act.changed, act.too_late) == (2, 2)
    assert [schedules.get(one.id).scheduled_at for one in near] == [one.scheduled_at for one in near]
    assert schedules.get(far[0].id).scheduled_at == far[0].scheduled_at - timedelta(hours=1)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"by": timedelta(0)},
        {"by": timedelta(days=4000)},
        {"by": timedelta(hours=1), "to": datetime(2040, 1, 1, tzinfo=UTC)},
        {"to": datetime(2040, 1, 1)},  # noqa: DTZ001  without a zone on purpose
        {"to": datetime(2200, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_move_that_breaks_a_rule_is_refused(database_url: str, how: dict[str, Any]) -> None:
    plan(1)
    with pytest.raises(Invalid):
        bulk.move_matching(ALICE, NIGHTLY, **how)


def test_finished_ones_are_refused_and_a_viewer_too(database_url: str) -> None:
    with pytest.raises(Invalid):
        bulk.cancel_matching(ALICE, Filter(status="triggered"))
    with pytest.raises(Forbidden):
        bulk.cancel_matching(EVE, NIGHTLY)
    with pytest.raises(Forbidden):
        bulk.move_matching(EVE, NIGHTLY, by=timedelta(hours=1))
    with pytest.raises(Forbidden):
        undo.undo_act(EVE, uuid4())


def test_a_cancelled_lot_comes_back_as_it_was(database_url: str) -> None:
    made = plan(5)
    act = bulk.cancel_matching(ALICE, NIGHTLY)
    assert undo.undo_act(ALICE, act.id).changed == 5
    assert [schedules.get(one.id) for one in made] == made


def test_a_moved_lot_goes_back_to_its_instants(database_url: str) -> None:
    made = plan(5)
    act = bulk.move_matching(ALICE, NIGHTLY, by=timedelta(hours=-0.5))
    assert undo.undo_act(ALICE, act.id).changed == 5
    assert [schedules.get(one.id) for one in made] == made


def test_an_act_is_taken_back_once(database_url: str) -> None:
    plan(2)
    act = bulk.cancel_matching(ALICE, NIGHTLY)
    undo.undo_act(ALICE, act.id)
    with pytest.raises(Conflict):
        undo.undo_act(ALICE, act.id)


def test_only_what_is_still_to_come_comes_back(database: psycopg.Connection) -> None:
    made = plan(3)
    act = bulk.cancel_matching(ALICE, NIGHTLY)
    make_due(database, made[0].id)
    back = undo.undo_act(ALICE, act.id)
    assert (back.changed, back.too_late) == (2, 1)
    assert statuses(made) == ["cancelled", "pending", "pending"]


def test_what_somebody_moved_since_stays_there(database_url: str) -> None:
    made = plan(2)
    act = bulk.move_matching(ALICE, NIGHTLY, by=timedelta(hours=1))
    elsewhere = ahead(days=2)
    schedules.change(ALICE, made[0].id, scheduled_at=elsewhere)
    back = undo.undo_act(ALICE, act.id)
    assert (back.changed, back.too_late) == (1, 1)
    assert schedules.get(made[0].id).scheduled_at == elsewhere


def test_after_thirty_seconds_nothing_is_taken_back(
    database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(2)
    act = bulk.cancel_matching(ALICE, NIGHTLY)
    database.execute("ALTER TABLE cron_events DISABLE TRIGGER append_only")
    database.execute("UPDATE cron_events SET at = at - interval '31 seconds'")
    with pytest.raises(Conflict):
        undo.undo_act(ALICE, act.id)
    with pytest.raises(Conflict):
        undo.undo_event(ALICE, last_event(database))
    assert statuses(made) == ["cancelled"] * 2


def last_event(database: psycopg.Connection) -> int:
    found = database.execute("SELECT max(id) FROM cron_events WHERE schedule_id IS NOT NULL").fetchone()
    assert found is not None
    return int(found[0])


def test_a_single_cancel_and_a_single_move_are_taken_back_once(database_url: str) -> None:
    [made] = plan(1)
    cancelled = schedules.cancel(ALICE, made.id)
    assert undo.undo_event(ALICE, cancelled.event_id).changed == 1
    assert schedules.get(made.id) == made
    moved = schedules.change(ALICE, made.id, scheduled_at=ahead(hours=5))
    assert undo.undo_event(ALICE, moved.event_id).changed == 1
    assert schedules.get(made.id) == made
    for event_id in (cancelled.event_id, moved.event_id):
        with pytest.raises(Conflict):
            undo.undo_event(ALICE, event_id)
    assert schedules.get(made.id) == made


def test_other_parameters_are_taken_back_with_and_without_a_move(database: psycopg.Connection) -> None:
    [made] = plan(1)
    given = {"mark": "other", "nested": {"nothing": None}}
    edited = schedules.change(ALICE, made.id, parameters=given)
    undo.undo_event(ALICE, edited.event_id)
    assert schedules.get(made.id) == made
    both = schedules.change(ALICE, made.id, scheduled_at=ahead(hours=5), parameters=given)
    undo.undo_event(ALICE, both.event_id)
    assert schedules.get(made.id) == made
    told = [(event.kind, event.details) for event in events.of_schedule(made.id)]
    assert told[1] == (
        "schedule.edited_back",
        {"undoes": edited.event_id, "old": given, "new": {"mark": "nightly"}},
    )
    assert told[3][0] == "schedule.moved_and_edited_back"
    assert told[3][1].keys() == {"undoes", "from", "to", "old", "new"}


def test_two_changes_are_taken_back_one_after_the_other(database_url: str) -> None:
    [made] = plan(1)
    first = schedules.change(ALICE, made.id, scheduled_at=ahead(hours=5))
    second = schedules.change(ALICE, made.id, scheduled_at=ahead(hours=6))
    with pytest.raises(Conflict, match="since"):
        undo.undo_event(ALICE, first.event_id)
    undo.undo_event(ALICE, second.event_id)
    undo.undo_event(ALICE, first.event_id)
    assert schedules.get(made.id) == made


def test_what_somebody_else_did_since_is_never_taken_back(database_url: str) -> None:
    [made] = plan(1)
    moved = schedules.change(ALICE, made.id, scheduled_at=ahead(hours=5))
    bob = Actor("bob", "operator", "api")
    there = schedules.change(bob, made.id, scheduled_at=ahead(hours=6))
    schedules.change(bob, made.id, scheduled_at=moved.scheduled_at)
    with pytest.raises(Conflict, match="undo: bob has changed it since"):
        undo.undo_event(ALICE, moved.event_id)
    assert schedules.get(made.id).scheduled_at == moved.scheduled_at != there.scheduled_at


def test_a_plan_is_taken_back_unless_somebody_changed_it_since(database: psycopg.Connection) -> None:
    first, second, third = (schedules.plan(ALICE, "nothing", ahead(hours=1)) for _ in range(3))
    assert undo.undo_plan(ALICE, first.id).changed == 1
    schedules.change(ALICE, second.id, scheduled_at=ahead(hours=2))
    with pytest.raises(Conflict, match="alice has changed it since"):
        undo.undo_plan(ALICE, second.id)
    database.execute("UPDATE scheduled_cron_executions SET created_at = now() - interval '31 seconds'")
    with pytest.raises(Conflict, match="too late"):
        undo.undo_plan(ALICE, third.id)
    with pytest.raises(Forbidden):
        undo.undo_plan(EVE, third.id)
    assert statuses([first, second, third]) == ["cancelled", "pending", "pending"]
    assert [event.kind for event in events.of_schedule(first.id)] == [
        "schedule.created",
        "schedule.cancelled",
    ]


def test_a_whole_batch_is_undone_while_it_is_pending(database: psycopg.Connection) -> None:
    made, others = plan(4), plan(2)
    database.execute("SELECT mark_scheduled_cron_triggered(%s, NULL)", (made[0].id,))
    assert made[0].batch_id is not None
    assert undo.undo_batch(ALICE, made[0].batch_id).changed == 3
    assert statuses(made) == ["triggered", *["cancelled"] * 3]
    assert statuses(others) == ["pending"] * 2


def test_the_history_of_each_tells_what_was_done_to_all(database_url: str) -> None:
    [first, second] = plan(2)
    bulk.move_matching(ALICE, NIGHTLY, by=timedelta(hours=1))
    act = bulk.cancel_matching(ALICE, NIGHTLY)
    undo.undo_act(ALICE, act.id)
    for made in (first, second):
        kinds = [event.kind for event in events.of_schedule(made.id, made.batch_id)]
        assert kinds == ["schedules.created", "schedule.moved", "schedule.cancelled", "schedule.restored"]
    assert {event.batch_id for event in events.of_schedule(first.id)[1:2]} == {act.id}


def test_the_act_itself_is_told_once_with_its_filter(database: psycopg.Connection) -> None:
    plan(3)
    act = bulk.cancel_matching(ALICE, Filter(cron_name="nothing", search="nightly"))
    rows = database.execute(
        "SELECT kind, cron_name, details FROM cron_events WHERE batch_id = %s AND schedule_id IS NULL",
        (act.id,),
    ).fetchall()
    told = {"count": 3, "filter": {"cron_name": "nothing", "search": "nightly"}}
    assert rows == [("schedules.cancelled", "nothing", told)]


def test_an_act_that_changes_nothing_leaves_no_trace(database_url: str, count: Callable[[str], int]) -> None:
    assert bulk.cancel_matching(ALICE, NIGHTLY).changed == 0
    assert count("cron_events") == 0


def test_what_comes_back_shortly_before_its_instant_wakes_the_workers(database: psycopg.Connection) -> None:
    [made] = plan(1, seconds=50)
    cancelled = schedules.cancel(ALICE, made.id)
    database.execute("LISTEN crondesk_due")
    undo.undo_event(ALICE, cancelled.event_id)
    [told] = list(database.notifies(timeout=5, stop_after=1))
    assert abs(float(told.payload) - made.scheduled_at.timestamp()) < 0.001


def test_an_occurrence_that_its_series_planned_anew_does_not_come_back_twice(
    database: psycopg.Connection,
) -> None:
    made = series.create(ALICE, "nothing", {"kind": "daily", "at": "09:00"}, "UTC")
    [first] = schedules.find(Filter(status="pending")).rows
    series.pause(ALICE, made.id)
    [cancelled] = [event for event in events.of_schedule(first.id) if event.kind == "schedule.cancelled"]
    series.resume(ALICE, made.id)
    with pytest.raises(Conflict):
        undo.undo_event(ALICE, cancelled.id)
    assert len(schedules.find(Filter(status="pending")).rows) == 1


def test_a_cancel_waits_for_a_claim_under_way_and_leaves_what_it_took(
    database: psycopg.Connection, database_url: str
) -> None:
    made = plan(20)
    make_due(database, *(one.id for one in made))
    acts: list[bulk.Act] = []
    with psycopg.connect(database_url) as worker:
        worker.execute("SELECT get_ready_scheduled_crons(5)")
        canceller = Thread(target=lambda: acts.append(bulk.cancel_matching(ALICE, NIGHTLY)))
        canceller.start()
        canceller.join(0.5)
        assert canceller.is_alive()
        worker.commit()
    canceller.join()
    assert (acts[0].changed, acts[0].too_late) == (15, 5)
    claimed = [one for one in made if schedules.get(one.id).claimed_by]
    assert len(claimed) == 5
    assert statuses(claimed) == ["pending"] * 5


def test_of_claims_and_bulk_acts_at_once_each_schedule_meets_exactly_one(
    database: psycopg.Connection, database_url: str
) -> None:
    made = plan(2000)
    make_due(database, *(one.id for one in made))
    claimed: list[UUID] = []
    begin = Event()

    def claim() -> None:
        with psycopg.connect(database_url, autocommit=True) as worker:
            begin.wait()
            while rows := worker.execute("SELECT id FROM get_ready_scheduled_crons(50)").fetchall():
                claimed.extend(row[0] for row in rows)

    acts: list[bulk.Act] = []

    def cancel() -> None:
        begin.wait()
        acts.append(bulk.cancel_matching(ALICE, NIGHTLY))

    def move() -> None:
        begin.wait()
        acts.append(bulk.move_matching(ALICE, NIGHTLY, by=timedelta(days=1)))

    threads = [Thread(target=act) for act in (claim, claim, cancel, move, cancel)]
    for thread in threads:
        thread.start()
    begin.set()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed))
    for one in map(schedules.get, claimed):
        assert one.status == "pending"
        assert one.claimed_by is not None
    present = [schedules.get(one.id) for one in made]
    cancelled = {one.id for one in present if one.status == "cancelled"}
    assert not cancelled & set(claimed)
    waiting = {one.id for one in present if one.status == "pending" and one.claimed_by is None}
    assert len(cancelled) + len(claimed) + len(waiting) == 2000


def held(database: psycopg.Connection) -> Schedule:
    """One that waits for a decision, as the worker leaves it."""
    row = database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, created_at, scheduled_at, not_after, late_policy, "
        "held_at, due_at, error_message) VALUES ('nothing', now() - interval '1 hour', "
        "now() - interval '10 minutes', now() - interval '1 minute', 'ask', now(), '9999-01-01Z', 'held') "
        "RETURNING id"
    ).fetchone()
    assert row is not None
    return schedules.get(row[0])


def test_what_is_held_is_found_apart_from_all_others(database: psycopg.Connection) -> None:
    [made] = plan(1)
    waiting = held(database)
    assert schedules.find(Filter(status="pending", held=True)).rows == [waiting]
    assert schedules.find(Filter(status="pending", held=False)).rows == [made]


def test_what_is_held_is_decided_by_moving_it(database: psycopg.Connection) -> None:
    waiting = held(database)
    bulk.move_matching(ALICE, Filter(), by=timedelta(minutes=30))
    moved = schedules.get(waiting.id)
    assert (moved.held_at, moved.error_message) == (None, None)
    assert moved.due_at == moved.scheduled_at == waiting.scheduled_at + timedelta(minutes=30)
    assert waiting.not_after is not None
    assert moved.not_after == waiting.not_after + timedelta(minutes=30)


def test_one_that_is_held_is_decided_by_moving_it_alone(database: psycopg.Connection) -> None:
    waiting, there = held(database), ahead(hours=1)
    moved = schedules.change(ALICE, waiting.id, scheduled_at=there)
    assert (moved.held_at, moved.error_message, moved.due_at) == (None, None, there)
    assert waiting.not_after is not None
    assert moved.not_after == waiting.not_after + (there - waiting.scheduled_at)
