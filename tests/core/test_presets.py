"""Parameters that are used again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from core import executions, presets, schedules
from core.actors import Actor
from core.catalogue import catalogue
from core.database import engine
from core.errors import Conflict, Forbidden, Invalid, NotFound

ALICE = Actor("alice", "operator", "dashboard")
BOB = Actor("bob", "viewer", "dashboard")
ADA = {"name": "Ada", "times": 2}


def later(hours: float = 1) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)


def told(database: psycopg.Connection) -> list[tuple[str, str, str, dict[str, object]]]:
    return database.execute("SELECT actor, kind, cron_name, details FROM cron_events ORDER BY id").fetchall()


def test_a_preset_is_kept_with_who_made_it_and_told(database: psycopg.Connection) -> None:
    presets.save(ALICE, "greet", " Ada, twice ", ADA)
    [kept] = presets.find("greet")
    assert (kept.name, kept.parameters, kept.created_by) == ("Ada, twice", ADA, "alice")
    details = {"name": "Ada, twice", "parameters": ADA}
    assert told(database) == [("alice", "preset.saved", "greet", details)]
    assert presets.find("fail") == []


def test_a_name_that_is_taken_is_replaced_only_where_that_is_asked_for(database: psycopg.Connection) -> None:
    presets.save(ALICE, "greet", "mine", ADA)
    with pytest.raises(Conflict, match="name: another preset"):
        presets.save(ALICE, "greet", "mine", {"times": 3})
    assert presets.find("greet")[0].parameters == ADA
    presets.save(ALICE, "greet", "mine", {"times": 3}, replace=True)
    assert [kept.parameters for kept in presets.find("greet")] == [{"times": 3}]
    assert len(told(database)) == 2


def test_a_preset_that_is_removed_is_gone_and_that_is_told(database: psycopg.Connection) -> None:
    presets.save(ALICE, "greet", "mine", ADA)
    presets.remove(ALICE, "greet", "mine")
    assert presets.find("greet") == []
    assert told(database)[-1] == ("alice", "preset.removed", "greet", {"name": "mine"})
    with pytest.raises(NotFound):
        presets.remove(ALICE, "greet", "mine")
    assert len(told(database)) == 2


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "two\nlines"])
def test_a_name_that_cannot_be_read_is_refused(count: Callable[[str], int], name: str) -> None:
    with pytest.raises(Invalid, match="name: must be"):
        presets.save(ALICE, "greet", name, ADA)
    assert count("cron_presets") == count("cron_events") == 0


def test_parameters_that_break_a_rule_are_not_kept(count: Callable[[str], int]) -> None:
    with pytest.raises(Invalid, match="times"):
        presets.save(ALICE, "greet", "mine", {"times": 99})
    with pytest.raises(NotFound):
        presets.save(ALICE, "nowhere", "mine", {})
    assert count("cron_presets") == count("cron_events") == 0


def test_a_viewer_keeps_and_removes_nothing(count: Callable[[str], int]) -> None:
    presets.save(ALICE, "greet", "mine", ADA)
    with pytest.raises(Forbidden):
        presets.save(BOB, "greet", "his", ADA)
    with pytest.raises(Forbidden):
        presets.remove(BOB, "greet", "mine")
    assert count("cron_presets") == 1


def test_last_used_is_the_newest_plan_or_run_of_the_cron(database_url: str) -> None:
    assert presets.last_used("greet") is None
    schedules.plan(ALICE, "greet", later(5), {"name": "first"})
    schedules.plan(ALICE, "greet", later(2), {"name": "second"})
    schedules.plan(ALICE, "fail", later(1), {"x": 1})
    assert presets.last_used("greet") == {"name": "second"}
    executions.trigger(ALICE, "greet", {"name": "third"})
    assert presets.last_used("greet") == {"name": "third"}
    schedules.plan(ALICE, "greet", later(1), {"name": "fourth"})
    assert presets.last_used("greet") == {"name": "fourth"}


def test_last_used_costs_a_few_rows_however_many_there_are(database: psycopg.Connection) -> None:
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at) "
        "SELECT 'cron' || n %% 3, at, at FROM generate_series(1, 30000) AS n, "
        "LATERAL (SELECT now() + n * interval '1 minute' AS at) AS t",
        (),
    )
    database.execute(
        "INSERT INTO cron_executions (cron_name, target) SELECT 'cron' || n %% 3, 'noop' "
        "FROM generate_series(1, 30000) AS n",
        (),
    )
    database.execute("VACUUM ANALYZE scheduled_cron_executions, cron_executions")
    for cron in ("cron1", "nowhere"):
        plan = "\n".join(row[0] for row in explained(database, cron))
        assert "Seq Scan" not in plan, plan
        assert "scheduled_crons_newest_by_cron" in plan, plan
        assert "cron_executions_by_cron" in plan, plan


def explained(database: psycopg.Connection, cron: str) -> list[tuple[Any, ...]]:
    """How the database answers `last_used`."""
    seen: list[tuple[str, Any]] = []

    def look(_connection: object, _cursor: object, statement: str, given: Any, *_others: object) -> None:
        seen.append((statement, given))

    event.listen(engine(), "before_cursor_execute", look)
    presets.last_used(cron)
    event.remove(engine(), "before_cursor_execute", look)
    statement, given = seen[-1]
    return database.execute(f"EXPLAIN {statement}".encode(), given).fetchall()


def test_of_an_old_preset_what_still_fits_is_taken_and_the_rest_is_named(
    database_url: str, crons_file: Path
) -> None:
    cron = catalogue().cron("greet")
    assert presets.fitting(cron, ADA) == (ADA, [])
    old = {"name": "Ada", "times": 99, "colour": "red"}
    assert presets.fitting(cron, old) == ({"name": "Ada"}, ["times", "colour"])
