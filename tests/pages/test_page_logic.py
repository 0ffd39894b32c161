"""What the pages decide, run without a browser: what is shown, what is said, and what is not."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from core import alerts, blackouts, executions, schedules
from core.actors import Actor
from core.alerts import Alert
from core.blackouts import Period
from core.notifications import channels, rules
from core.settings import ROOT
from pages.parts import facts, one_execution
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
ABOUT_ONE = [
    ("scheduled", "change"),
    ("scheduled", "cancel"),
    ("scheduled", "duplicate"),
    ("calendar", "change"),
    ("series", "pause"),
    ("series", "resume"),
    ("series", "end"),
    ("series", "remove_blackout"),
    ("notifications", "change_channel"),
    ("notifications", "remove_channel"),
    ("notifications", "change_rule"),
]
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


def test_the_address_of_a_channel_is_no_link(database: psycopg.Connection) -> None:
    channel = channels.add(ADMIN, "On call", "mailto://user:secret@mail.example.org?to=ops@example.org")

    def page(channel_id):  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        from uuid import UUID  # noqa: PLC0415

        from pages.parts import channel_list  # noqa: PLC0415

        if channel_id:
            channel_list.remove_channel(UUID(channel_id))
        else:
            channel_list.add_channel()

    for given in ("", str(channel.id)):
        dialog = AppTest.from_function(page, kwargs={"channel_id": given}, default_timeout=30).run()
        told = "\n".join(str(one.value) for one in (*dialog.caption, *dialog.markdown))
        assert re.findall(r"(``? )?\w+://", told) == ["`` "], told


def test_an_alert_says_since_when_unless_it_is_about_what_is_to_come(
    database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = datetime.now(UTC)
    found = [
        Alert("failures", "warning", since, {"count": 5, "hours": 24}),
        Alert("busy", "info", since, {"count": 19, "hours": 24}),
    ]
    monkeypatch.setattr(alerts, "current", lambda: found)

    def page():  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        from pages.parts.alert_list import alert_list  # noqa: PLC0415

        alert_list()

    shown = AppTest.from_function(page, default_timeout=30).run()
    assert ", since" in shown.warning[0].value
    assert ", since" not in shown.info[0].value
    assert "19 runs" in shown.info[0].value


def test_a_cron_is_called_by_its_title_and_by_its_name_alone_once_it_is_gone(database_url: str) -> None:
    assert [part["text"] for part in facts.cron("greet")] == ["Greet", "greet"]
    assert [part["text"] for part in facts.cron("gone")] == ["gone"]


@pytest.mark.parametrize(("status", "red"), [("cancelled", False), ("failed", True)])
def test_a_run_that_was_stopped_on_purpose_shows_no_error(
    database: psycopg.Connection, status: str, red: bool
) -> None:
    run = executions.trigger(ALICE, "greet")
    database.execute(
        "UPDATE cron_executions SET status = %s::text, started_at = now(), finished_at = now(), "
        "exit_code = -15, error_message = 'cancelled by alice'",
        [status],
    )
    shown = one_execution.outcome(executions.get(run.id))
    assert [label for label, _parts in shown] == ["Exit code", "Error" if red else "Reason"]
    assert [part.get("bad", False) for _label, [part] in shown] == [red, red]


def test_a_cron_without_parameters_has_no_defaults_either(database: psycopg.Connection) -> None:
    one = schedules.plan(ALICE, "fail", datetime.now(UTC) + timedelta(hours=1))
    assert "This cron takes none." in said(opened("scheduled", id=str(one.id)))
    one = schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(hours=1))
    assert "the defaults of the catalogue apply" in said(opened("scheduled", id=str(one.id)))


@pytest.mark.parametrize("opens", ["channel_list.add_channel", "subscribe_dialog.subscribe"])
def test_a_dialog_has_a_button_that_closes_it(opens: str, database: psycopg.Connection) -> None:
    def page(opens):  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        from importlib import import_module  # noqa: PLC0415

        module, dialog = opens.split(".")
        getattr(import_module(f"pages.parts.{module}"), dialog)()

    shown = AppTest.from_function(page, kwargs={"opens": opens}, default_timeout=30).run()
    assert shown.button[-1].label == "Close"


def test_a_rule_about_a_tag_that_is_gone_is_not_changed_to_another_one_by_the_way(
    tagged: None, database: psycopg.Connection, crons_file: Path
) -> None:
    channel = channels.add(ADMIN, "On call", "json://127.0.0.1:9/hook")
    rule_id = rules.add(ADMIN, rules.Wish(channel.id, ["failed"], tag="people"))
    text = crons_file.read_text(encoding="utf-8")
    crons_file.write_text(text.replace('["people"]', '["greetings"]'))

    def page(rule_id):  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        from uuid import UUID  # noqa: PLC0415

        from pages.parts.rule_list import change_rule  # noqa: PLC0415

        change_rule(UUID(rule_id))

    dialog = AppTest.from_function(page, kwargs={"rule_id": str(rule_id)}, default_timeout=30).run()
    assert [box.value for box in dialog.selectbox if box.label == "Tag"] == ["people"]
    next(button for button in dialog.button if button.label == "Save").click().run()
    assert "no cron of the catalogue has it" in said(dialog)
    assert [one.tag for one in rules.find()] == ["people"]


def test_a_rule_about_a_tag_is_offered_where_there_is_a_tag(database: psycopg.Connection) -> None:
    channels.add(ADMIN, "On call", "json://127.0.0.1:9/hook")

    def page():  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        from pages.parts.rule_list import add_rule  # noqa: PLC0415

        add_rule()

    dialog = AppTest.from_function(page, default_timeout=30).run()
    assert dialog.button_group[0].options == ["All crons", "One cron"]


@pytest.mark.parametrize("page", ["scheduled", "executions", "series"])
@pytest.mark.parametrize("identifier", ["nonsense", NO_SUCH])
def test_a_link_to_what_is_not_there_says_so(database_url: str, page: str, identifier: str) -> None:
    shown = opened(page, id=identifier)
    assert not shown.exception
    assert len(shown.error) == 1


@pytest.mark.parametrize(("page", "dialog"), ABOUT_ONE)
def test_a_dialog_about_what_is_gone_meanwhile_says_so_and_does_not_open(
    database_url: str, page: str, dialog: str
) -> None:
    schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(hours=1))
    shown = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=60)
    shown.session_state["asked"] = (dialog, (NO_SUCH,))
    shown.run()
    assert not shown.exception
    [toast] = shown.session_state["toasts"]
    assert "(any more)" in toast
    assert not shown.error
    assert not shown.get("dialog")


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


def test_a_pending_run_of_a_batch_shows_its_status_and_its_time_to_go(database_url: str) -> None:
    at = datetime.now(UTC) + timedelta(hours=2)
    [planned] = schedules.plan_many(ALICE, [schedules.Plan("greet", at, {"name": "Ada"})])
    page = opened("bulk", batch=str(planned.batch_id))
    [row] = page.session_state["batch sent"]["content"]["rows"]
    assert [part["kind"] for part in row["cells"]["left"]] == ["badge", "countdown"]
    assert row["cells"]["left"][0]["text"] == "Pending"


@pytest.mark.parametrize(("chosen", "together", "instants"), [("greet,wait", 1, 2), ("greet", 1, 1)])
def test_what_runs_once_is_spread_unless_more_may_begin_together(
    database_url: str, chosen: str, together: int, instants: int
) -> None:
    page = opened("bulk", way="fill", crons=chosen)
    page.button_group(key="fill way").set_value("once").run()
    assert page.number_input(key=f"fill together once {instants}").value == together
    rows = page.session_state["preview sent"]["content"]["rows"]
    assert len({row["cells"]["when"][0]["text"] for row in rows}) == instants


def test_the_next_runs_of_a_series_say_which_blackout_they_leave_out(database_url: str) -> None:
    now = datetime.now(UTC)
    soon, later = now + timedelta(days=2), now + timedelta(days=300)
    blackouts.add(
        ADMIN,
        [
            Period("Change freeze", soon, soon + timedelta(days=3), None),
            Period("Of another cron", soon, soon + timedelta(days=3), "greet"),
            Period("Far away", later, later + timedelta(days=3), None),
        ],
    )
    told = said(opened("series", new="nothing"))
    assert "None in the blackout “Change freeze”, from " in told
    assert "Of another cron" not in told
    assert "Far away" not in told
