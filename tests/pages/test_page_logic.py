<<<<<<< HEAD
"""What the pages decide, run without a browser: what is shown, what is said, and what is not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
=======
"""What pages decide, without a browser: beginnings of a form, the verdict's mood, rows of a batch."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
>>>>>>> forms

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

<<<<<<< HEAD
from core import executions, schedules
from core.actors import Actor
from core.notifications import channels
from tests.pages.scripts import opened

ALICE = Actor("alice", "operator", "api")
ADMIN = Actor("ada", "admin", "api")
PAGES = {
    "crons": {},
    "scheduled": {},
    "calendar": {},
    "executions": {},
    "metrics": {},
    "series": {},
    "notifications": {},
    "bulk": {"way": "fill"},
}
NO_SUCH = "00000000-0000-7000-8000-000000000000"


def said(page: AppTest) -> str:
    """All that the page says in words."""
    kinds = (page.error, page.warning, page.info, page.caption, page.markdown)
    # Without the backslashes that keep Markdown from seeing marks of its own.
    return "\n".join(str(element.value).replace("\\", "") for kind in kinds for element in kind)


def rows(page: AppTest, key: str) -> list[str]:
    """The ids of the rows that a table of the page was last sent."""
    sent = page.session_state[f"{key} sent"]
    return [row["id"] for row in sent["content"]["rows"]]


@pytest.fixture
def tagged(crons_file: Path, database_url: str) -> None:
    """The cron 'greet' has a tag."""
    text = crons_file.read_text(encoding="utf-8")
    crons_file.write_text(text.replace("[crons.greet]\n", '[crons.greet]\ntags = ["people"]\n'))


def test_a_tag_and_a_search_narrow_the_catalogue_down(tagged: None) -> None:
    page = opened("crons")
    assert len(rows(page, "crons")) == 5
    page.button_group(key="tag").set_value("people").run()
    assert rows(page, "crons") == ["greet"]
    page.text_input(key="search").set_value("wait").run()
    assert "No cron matches" in said(page)


def test_an_empty_catalogue_says_how_to_fill_it(crons_file: Path, database_url: str) -> None:
    crons_file.write_text("")
    page = opened("crons")
    assert "add a cron to the file that CRONS_FILE names" in said(page)
    assert not page.exception


def test_metrics_of_nothing_say_so_and_nothing_breaks(database_url: str) -> None:
    page = opened("metrics")
    assert not page.exception
    assert "Nothing is planned for the next hour." in said(page)


def test_notifications_say_what_is_missing_until_somebody_can_be_told(database: psycopg.Connection) -> None:
    assert "Rules say what is told to whom" in said(opened("notifications"))
    page = opened("notifications", view="rules")
    assert page.button[0].disabled
    assert "Add a channel first" in said(page)
    channels.add(ADMIN, "On call", "json://127.0.0.1:9/hook")
    page = opened("notifications", view="rules")
    assert not page.button[0].disabled
    assert "There is no rule, so nobody is told anything." in said(page)


@pytest.mark.parametrize("page", ["scheduled", "executions", "series"])
@pytest.mark.parametrize("identifier", ["nonsense", NO_SUCH])
def test_a_link_to_what_is_not_there_says_so(database_url: str, page: str, identifier: str) -> None:
    shown = opened(page, id=identifier)
    assert not shown.exception
    assert len(shown.error) == 1


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_that_the_database_is_away(
    environment: None, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:9/nowhere")
    shown = opened(page, **PAGES[page])
    assert not shown.exception
    assert "The database cannot be reached." in said(shown)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_that_the_migrations_are_missing(empty_database_url: str, page: str) -> None:
    shown = opened(page, **PAGES[page])
    assert not shown.exception
    if page != "bulk":  # it asks the database for its clock alone
        assert "alembic upgrade head" in said(shown)
        assert "cannot be reached" not in said(shown)


def test_a_selection_in_the_address_is_taken_up(database_url: str) -> None:
    page = opened("crons", selected="greet,wait,nowhere")
    assert "2 selected" in said(page)


def test_lists_show_why_a_run_failed(database: psycopg.Connection) -> None:
    run = executions.trigger(ALICE, "fail")
    database.execute(
        "UPDATE cron_executions SET status = 'failed', error_message = 'ended with exit code 3' "
        "WHERE id = %s",
        [run.id],
    )
    schedule = schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(hours=1))
    database.execute("SELECT mark_scheduled_cron_failed(%s, NULL)", [schedule.id])
    content = opened("executions").session_state["executions sent"]["content"]
    assert "ended with exit code 3" in str(content)
    content = opened("scheduled", status="failed").session_state["schedules sent"]["content"]
    assert "failed without a reason" in str(content)
=======
from core import presets, schedules
from core.actors import Actor
from core.catalogue import catalogue
from pages.parts import drafts, verdict
from pages.parts.drafts import Draft

ALICE = Actor("alice", "operator", "dashboard")


def editor(given: dict[str, Any] | None = None) -> AppTest:
    """A page with the form of the cron `greet` and what it may begin with."""

    def page(given):  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        import json  # noqa: PLC0415

        import streamlit as st  # noqa: PLC0415

        from core.catalogue import catalogue  # noqa: PLC0415
        from pages.parts.parameters import parameters_editor  # noqa: PLC0415
        from pages.parts.preset_choice import begin_with, keep  # noqa: PLC0415

        cron = catalogue().cron("greet")
        start = begin_with(cron, given, "form", in_dialog=False)
        draft = parameters_editor(cron, start, "form")
        keep(cron, draft, "form", in_dialog=False)
        st.text(json.dumps([draft.latest, draft.problems]))

    tested = AppTest.from_function(page, kwargs={"given": given}, default_timeout=30).run()
    assert not tested.exception, tested.exception
    return tested


def held(tested: AppTest) -> str:
    assert not tested.exception, tested.exception
    return str(tested.text[-1].value)


def test_a_form_begins_with_the_defaults_and_anew_with_what_is_chosen(database_url: str) -> None:
    presets.save(ALICE, "greet", "for Ada", {"name": "Ada", "times": 2})
    schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(hours=1), {"name": "Grace"})
    tested = editor()
    assert tested.selectbox[0].options == ["Defaults", "Last used", "Preset: for Ada"]
    assert held(tested) == '[{"name": "world", "times": 1}, []]'
    tested.selectbox[0].select_index(2).run()
    assert held(tested) == '[{"name": "Ada", "times": 2}, []]'
    tested.selectbox[0].select_index(1).run()
    assert held(tested) == '[{"name": "Grace", "times": 1}, []]'


def test_a_form_of_an_earlier_run_begins_with_its_parameters(database_url: str) -> None:
    tested = editor({"name": "Linus"})
    assert tested.selectbox[0].options[0] == "The parameters it had"
    assert held(tested) == '[{"name": "Linus", "times": 1}, []]'


def test_a_form_offers_last_used_only_where_something_was(database_url: str) -> None:
    assert editor().selectbox[0].options == ["Defaults"]


def test_what_a_form_holds_is_kept_as_a_preset_which_is_chosen_then(database_url: str) -> None:
    tested = editor()
    next(field for field in tested.text_input if field.label == "name").set_value("Ada").run()
    next(field for field in tested.text_input if field.label == "Name of the preset").set_value("mine").run()
    next(button for button in tested.button if button.label == "Save the preset").click().run()
    assert presets.find("greet")[0].parameters == {"name": "Ada", "times": 1}
    assert tested.selectbox[0].value == ("preset", "mine")
    assert held(tested) == '[{"name": "Ada", "times": 1}, []]'


def beats(database: psycopg.Connection) -> None:
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, slots) VALUES ('w', 'here', 1, '1', 8)"
    )


def test_without_a_worker_a_verdict_is_red_whatever_else_is_found(database: psycopg.Connection) -> None:
    at = datetime.now(UTC) + timedelta(days=1)
    database.execute(
        "INSERT INTO cron_executions (cron_name, target, status, started_at, finished_at) "
        "VALUES ('wait', 'command', 'completed', now() - interval '1 hour', now())"
    )
    schedules.plan(ALICE, "wait", at - timedelta(minutes=30))
    wait = catalogue().cron("wait")
    found = verdict.of(wait, at)
    assert found.mood == "red"
    assert [line.split(" ")[0] for line in found.warnings] == ["No", "A"]
    beats(database)
    assert verdict.of(wait, at).mood == "orange"
    assert verdict.of(wait, at + timedelta(hours=2)).mood == "green"
    assert verdict.of(catalogue().cron("greet"), at).mood == "green"


def test_two_runs_that_may_overlap_are_said_to_run_side_by_side(database: psycopg.Connection) -> None:
    beats(database)
    at = datetime.now(UTC) + timedelta(days=1)
    database.execute(
        "INSERT INTO cron_executions (cron_name, target, status, started_at, finished_at) "
        "VALUES ('fail', 'command', 'completed', now() - interval '1 hour', now())"
    )
    schedules.plan(ALICE, "fail", at + timedelta(minutes=30))
    [warning] = verdict.of(catalogue().cron("fail"), at).warnings
    assert warning.endswith("both run side by side.")


def test_a_row_of_a_batch_is_checked_once_however_often_the_page_runs(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()
    check = drafts.check

    def count(parameters: Any, schema: Any) -> Any:
        counted["checks"] += 1
        return check(parameters, schema)

    monkeypatch.setattr(drafts, "check", count)
    drafts._parameters.cache_clear()
    year = datetime.now(UTC).year + 1
    rows = [Draft(place, "greet", f"{year}-02-01 22:00", f'{{"times": {place}}}') for place in range(1, 13)]
    for _run in range(3):
        found = drafts.checked(rows)
        assert [bool(row.problems) for row in found] == [False] * 10 + [True] * 2
        assert found[-1].problems == ["times: must be at most 10"]
    assert counted["checks"] == 12


def test_a_row_is_checked_anew_when_its_cron_has_another_schema(database_url: str, crons_file: Any) -> None:
    year = datetime.now(UTC).year + 1
    rows = [Draft(1, "greet", f"{year}-02-01 22:00", '{"times": 9}')]
    assert drafts.checked(rows)[0].problems == []
    text = crons_file.read_text(encoding="utf-8")
    crons_file.write_text(text.replace("maximum = 10\n", "maximum = 5\n"), encoding="utf-8")
    assert drafts.checked(rows)[0].problems == ["times: must be at most 5"]


def test_a_row_whose_time_passes_meanwhile_is_told_though_it_was_checked_before(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    rows = [Draft(1, "greet", soon)]
    assert drafts.checked(rows)[0].problems == []
    monkeypatch.setattr(drafts.overview, "clock", lambda: soon + timedelta(seconds=1))
    assert drafts.checked(rows)[0].problems == ["This time has passed: choose one to come."]
>>>>>>> forms
