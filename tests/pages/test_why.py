"""Why did it (not) run? One timeline of a planned run and its execution, on the pages of both."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from core import executions, schedules
from core.actors import Actor
from tests.pages.conftest import Visitor
from tests.pages.waiting import eventually
from tests.worker.target_server import TargetServer

pytestmark = pytest.mark.release

ALICE = Actor("alice", "operator", "api")
BOB = Actor("bob", "operator", "api")


@pytest.fixture(scope="module")
def target() -> Iterator[TargetServer]:
    server = TargetServer()
    yield server
    server.stop()


@pytest.fixture
def http_url(target: TargetServer) -> str:
    return f"{target.url}/echo/hook"


def alert(page: Page, sentence: str) -> Locator:
    return page.get_by_test_id("stAlert").filter(has_text=sentence)


def said(page: Page, sentence: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=re.compile(sentence))


def planned(cron: str = "greet", **ahead: float) -> schedules.Schedule:
    return schedules.plan(ALICE, cron, datetime.now(UTC) + timedelta(**(ahead or {"hours": 2})))


def ran(database: psycopg.Connection, cron: str) -> executions.Execution:
    """The execution of a schedule of the cron, once a worker has run it at its instant."""
    planned(cron)
    database.execute("UPDATE scheduled_cron_executions SET scheduled_at = now() + interval '10 ms'")

    def ended() -> list[executions.Execution]:
        found = executions.find(executions.Filter(cron_name=cron)).rows
        return [run for run in found if run.finished_at is not None]

    return eventually(ended)[0]


def test_a_command_is_told_from_its_planning_to_its_end_on_both_pages(
    visit: Visitor, worker: None, database: psycopg.Connection
) -> None:
    run = ran(database, "greet")
    for path in (f"scheduled?id={run.scheduled_id}", f"executions?id={run.id}"):
        page = visit(path)
        expect(page.get_by_role("heading", name="Why did it run?")).to_be_visible()
        expect(page.get_by_role("listitem")).to_have_count(3)
        expect(said(page, "Planned by alice for")).to_have_count(1)
        worker_name = re.escape(str(run.worker))
        expect(said(page, rf"Taken by {worker_name} and begun, .* after its time\.")).to_have_count(1)
        expect(said(page, r"Completed after .*, with exit code 0\.")).to_have_count(1)
    french = visit(f"executions?id={run.id}", locale="fr")
    expect(french.get_by_role("heading", name="Pourquoi s’est-elle exécutée")).to_be_visible()
    expect(said(french, r"Prise par .* et démarrée, .* après son heure\.")).to_have_count(1)


def test_a_request_is_told_with_its_worker_its_answer_and_the_targets_own_name_for_it(
    visit: Visitor, worker: None, database: psycopg.Connection
) -> None:
    run = ran(database, "hook")
    database.execute("UPDATE cron_executions SET external_id = 'job-17'")
    for path in (f"scheduled?id={run.scheduled_id}", f"executions?id={run.id}"):
        page = visit(path)
        worker_name = re.escape(str(run.worker))
        expect(said(page, rf"Taken by {worker_name} and sent, .* after its time\.")).to_have_count(1)
        answered = r"The target answered 200 OK after .*\. It calls the run job-17\."
        expect(said(page, answered)).to_have_count(1)


def test_an_overdue_run_without_a_worker_says_so_and_how_to_start_one(
    visit: Visitor, database: psycopg.Connection
) -> None:
    one = planned()
    database.execute("UPDATE scheduled_cron_executions SET due_at = now() - interval '1 minute'")
    page = visit(f"scheduled?id={one.id}")
    expect(page.get_by_role("heading", name="Why has it not run yet?")).to_be_visible()
    expect(alert(page, "no worker is alive to run it. Start one: python -m worker.")).to_be_visible()
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, slots) VALUES ('w1', 'h', 1, '1', 4)"
    )
    expect(alert(page, "a worker is alive and takes what is due")).to_be_visible()
    french = visit(f"scheduled?id={one.id}", locale="fr")
    expect(alert(french, "un worker est actif et prend ce qui est échu")).to_be_visible()


def test_a_run_that_meets_an_earlier_one_leads_to_it(visit: Visitor, database: psycopg.Connection) -> None:
    one = planned("wait")
    earlier = executions.trigger(BOB, "wait")
    database.execute(
        "UPDATE scheduled_cron_executions SET attempts = 1, due_at = now() + interval '10 minutes'"
    )
    page = visit(f"scheduled?id={one.id}")
    expect(alert(page, "An earlier run has not ended")).to_be_visible()
    page.get_by_role("link", name="To the earlier run").click()
    expect(page).to_have_url(re.compile(f"executions.*{earlier.id}"))
    expect(page.get_by_role("heading", name="Why has it not run yet?")).to_be_visible()
    expect(said(page, "Started by bob.")).to_have_count(1)
    expect(alert(page, "no worker is alive to take it")).to_be_visible()


def test_a_cancelled_run_tells_who_changed_what_and_who_cancelled_it(
    visit: Visitor, database_url: str
) -> None:
    one = planned()
    schedules.change(BOB, one.id, parameters={"name": "Grace"})
    schedules.cancel(BOB, one.id)
    page = visit(f"scheduled?id={one.id}")
    expect(page.get_by_role("heading", name="Why did it not run?")).to_be_visible()
    expect(said(page, 'Parameters changed by bob: name: – → "Grace".')).to_have_count(1)
    expect(said(page, "Cancelled by bob: it will not run.")).to_have_count(1)
