"""Filters and pages of lists: they live in the URL, and Back in the browser brings both back."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from core import executions, schedules
from core.actors import Actor
from core.errors import Invalid
from core.paging import cursor_after
from tests.pages.conftest import Visitor

pytestmark = pytest.mark.release

ALICE = Actor("alice", "operator", "api")


def _filtering() -> None:
    import streamlit as st  # noqa: PLC0415  runs as a script of its own

    from pages.parts import filters  # noqa: PLC0415
    from pages.parts.address import arrive  # noqa: PLC0415

    arrive("list")
    st.session_state["status"] = filters.status({"pending": "Pending", "failed": "Failed"}, "pending")
    st.session_state["cron"] = filters.cron()
    st.session_state["between"] = filters.between()
    filters.pager("list", st.session_state.get("following"))


def opened_with(**query: str) -> AppTest:
    page = AppTest.from_function(_filtering, default_timeout=30)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def chosen(page: AppTest) -> tuple[Any, ...]:
    assert not page.exception
    return page.session_state["status"], page.session_state["cron"]


def test_a_filter_is_read_from_the_url_and_written_there(environment: None) -> None:
    page = opened_with(status="failed", cron="greet")
    assert chosen(page) == ("failed", "greet")
    page.selectbox[0].set_value("nothing").run()
    assert chosen(page) == ("failed", "nothing")
    assert page.query_params["cron"] == "nothing"
    assert chosen(opened_with(status="nonsense", cron="gone")) == ("pending", "gone")


def test_a_url_from_before_an_act_does_not_take_back_the_act_before_it(environment: None) -> None:
    page = opened_with()
    page.selectbox[0].set_value("greet").run()
    # The second act comes with the URL that the browser had before it heard of the first.
    del page.query_params["cron"]
    page.datetime_input(key="filter from").set_value(datetime(2030, 1, 31, 9, 0)).run()  # noqa: DTZ001  a wall clock's
    assert chosen(page) == ("pending", "greet")
    assert page.query_params["cron"] == "greet"
    # Nor does the one that comes with a run that nobody's act began.
    del page.query_params["cron"]
    assert chosen(page.run()) == ("pending", "greet")
    assert page.query_params["cron"] == "greet"


def test_a_stretch_of_time_stands_in_the_url_in_utc(environment: None) -> None:
    page = opened_with(**{"from": "2030-01-31T09:00Z", "until": "nonsense"})
    assert page.session_state["between"] == (datetime(2030, 1, 31, 9, tzinfo=UTC), None)
    page.datetime_input(key="filter until").set_value(datetime(2030, 2, 1, 9, 30)).run()  # noqa: DTZ001  a wall clock's
    assert page.query_params["until"] == "2030-02-01T09:30Z"
    page.button(key="filter any time").click().run()
    assert page.session_state["between"] == (None, None)
    assert "from" not in page.query_params


def test_the_pager_goes_back_the_way_it_came_and_forgets_it_at_the_first_page(environment: None) -> None:
    page = opened_with()
    for following in ("b", "c"):
        page.session_state["following"] = following
        page.run()
        page.button[-1].click().run()
    assert page.query_params["after"] == "c"
    page.button[-2].click().run()
    assert page.query_params["after"] == "b"
    # Back in the browser, then forth once: the trail has each page once.
    page.session_state["following"] = "c"
    page.run()
    page.button[-1].click().run()
    page.query_params["after"] = "b"
    page.run()
    page.button[-2].click().run()
    assert "after" not in page.query_params
    assert page.session_state["trail of list"] == []
    # A link into the middle of another list knows no way back but the first page.
    assert opened_with(after="x").button[-2].label == "First page"


def test_executions_refuse_the_cursor_of_another_list(database_url: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        executions.find(executions.Filter(), cursor=cursor_after(datetime.now(UTC), uuid4()))


def test_a_page_that_is_gone_offers_the_first_one(visit: Visitor, database_url: str) -> None:
    executions.trigger(ALICE, "nothing")
    page = visit(f"executions?after={cursor_after(datetime.now(UTC), uuid4())}")
    expect(page.get_by_role("alert")).to_contain_text("This page of the list is gone")
    page.get_by_role("button", name="First page").click()
    expect(page.get_by_text("1 execution", exact=True)).to_be_visible()


def test_back_in_the_browser_brings_the_filters_back(visit: Visitor, database: psycopg.Connection) -> None:
    executions.trigger(ALICE, "nothing")
    failed = executions.trigger(ALICE, "greet", {"name": "Ada"})
    database.execute(
        "UPDATE cron_executions SET status = 'failed', started_at = now(), finished_at = now(), "
        "exit_code = 3 WHERE id = %s",
        [failed.id],
    )
    page = visit("executions")
    expect(page.get_by_text("2 executions", exact=True)).to_be_visible()
    expect(
        page.get_by_role("row").filter(has_text="Ada").get_by_role("cell", name="3", exact=True)
    ).to_be_visible()
    page.get_by_role("radiogroup", name="Status").get_by_text("Failed", exact=True).click()
    expect(page.get_by_text("1 execution", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("status=failed"))
    page.get_by_role("combobox", name="Cron").click()
    page.get_by_role("option", name="Do nothing").click()
    expect(page.get_by_text("No execution matches.")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("1 execution", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_text("2 executions", exact=True)).to_be_visible()
    page.go_forward()
    expect(page.get_by_text("1 execution", exact=True)).to_be_visible()
    expect(page.get_by_role("radio", name="Failed")).to_be_checked()


def test_the_link_of_a_page_with_a_search_shows_all_of_it(visit: Visitor, database_url: str) -> None:
    for name in ("greet", "nothing"):
        schedules.plan(ALICE, name, datetime.now(UTC) + timedelta(days=1))
    page = visit("scheduled?search=greet")
    rows = page.get_by_role("row")
    own = page.get_by_role("link", name="Scheduled", exact=True)
    expect(rows).to_have_count(2)
    page.wait_for_function("document.documentElement.onclick !== null")
    own.click()
    expect(rows).to_have_count(3)
    expect(page).to_have_url(re.compile(r"/scheduled$"))
    page.get_by_role("searchbox").fill("greet")
    expect(rows).to_have_count(2)
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"id="))
    own.click()
    expect(rows).to_have_count(3)
    expect(page).to_have_url(re.compile(r"/scheduled$"))


@pytest.mark.parametrize("width", [1440, 390])
def test_the_link_of_the_page_one_is_on_leads_to_its_beginning(
    visit: Visitor, database_url: str, width: int
) -> None:
    schedule = schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(days=1))
    page = visit(f"scheduled?id={schedule.id}", width=width)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Greet")
    # The script that listens comes a moment after the page.
    page.wait_for_function("document.documentElement.onclick !== null")
    if width < 600:
        page.get_by_role("button", name="Expand sidebar").click()
    page.get_by_role("link", name="Scheduled", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Scheduled")
    expect(page).to_have_url(re.compile(r"/scheduled$"))


def test_the_menu_of_a_phone_does_not_stay_over_the_page_that_was_chosen(
    visit: Visitor, database_url: str
) -> None:
    page = visit(width=390)
    page.wait_for_function("document.documentElement.onclick !== null")
    menu = page.get_by_test_id("stSidebar")
    page.get_by_role("button", name="Expand sidebar").click()
    page.get_by_role("link", name="Executions", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Executions")
    expect(menu).to_have_attribute("data-collapsed", "true")
    # Nor over one that was left with it open.
    page.get_by_role("button", name="Expand sidebar").click()
    expect(menu).to_have_attribute("data-collapsed", "false")
    page.reload()
    expect(menu).to_have_attribute("data-collapsed", "true")


def test_a_stretch_of_time_narrows_what_is_planned(visit: Visitor, database_url: str) -> None:
    now = datetime.now(UTC)
    for name, days in {"Ada": 1, "Bob": 3, "Cyd": 5}.items():
        schedules.plan(ALICE, "greet", now + timedelta(days=days), {"name": name})
    since, until = (f"{now + timedelta(days=days):%Y-%m-%dT%H:%MZ}" for days in (2, 4))
    page = visit(f"scheduled?from={since}&until={until}", locale="fr")
    expect(page.get_by_text("1 exécution planifiée", exact=True)).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Bob")).to_have_count(1)
    page.get_by_test_id("stPopover").get_by_role("button").click()
    page.get_by_role("button", name="Toute période").last.click()
    expect(page.get_by_text("3 exécutions planifiées", exact=True)).to_be_visible()
    expect(page).not_to_have_url(re.compile("from="))


def test_what_is_long_is_sent_to_a_list_in_part(visit: Visitor, database_url: str) -> None:
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=1), {"text": "x" * 30_000})
    page = visit("scheduled")
    shown = page.get_by_role("cell").locator(".mono")
    expect(shown).to_contain_text("xxx…")
    assert len(shown.inner_text()) == 200
    assert len(shown.get_attribute("title") or "") == 1000
