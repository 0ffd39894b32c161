"""What pages decide, without a browser: beginnings of a form, the verdict's mood, rows of a batch."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from core import database, presets, schedules
from core.actors import Actor
from core.catalogue import catalogue
from core.parameters import check
from core.settings import ROOT
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
        edited = parameters_editor(cron, start, "form", in_dialog=False)
        keep(cron, edited, "form", in_dialog=False)
        st.text(json.dumps([edited.latest, edited.problems]))

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
    assert tested.selectbox[0].options[0] == "Its own parameters"
    assert held(tested) == '[{"name": "Linus", "times": 1}, []]'


def test_what_is_typed_just_before_the_other_view_is_chosen_is_in_it(database_url: str) -> None:
    tested = editor()
    tested.text_input[0].set_value("Ada")
    tested.segmented_control[0].set_value("json").run()
    assert held(tested) == '[{"name": "Ada", "times": 1}, []]'
    assert json.loads(tested.text_area[0].value or "") == {"name": "Ada", "times": 1}
    tested.text_area[0].set_value('{"name": "Grace", "times": 3}')
    tested.segmented_control[0].set_value("form").run()
    assert held(tested) == '[{"name": "Grace", "times": 3}, []]'
    assert tested.text_input[0].value == "Grace"


def test_json_that_cannot_be_read_is_kept_until_it_is_mended(database_url: str) -> None:
    tested = editor()
    tested.segmented_control[0].set_value("json").run()
    tested.text_area[0].set_value('{"name": ')
    tested.segmented_control[0].set_value("form").run()
    assert [one.value for one in tested.info] == ["Mend the JSON first, so that the form can show it."]
    assert tested.text_area[0].value == '{"name": '
    tested.text_area[0].set_value('{"name": "Grace"}').run()
    assert tested.text_input[0].value == "Grace"


def bulk(way: str) -> AppTest:
    tested = AppTest.from_file(str(ROOT / "pages" / "bulk.py"), default_timeout=30)
    tested.query_params["way"] = way
    return tested.run()


def other_way(tested: AppTest, way: str) -> None:
    [choice] = [one for one in tested.segmented_control if way in one.options or one.key == "filter way"]
    choice.set_value(way).run()
    assert not tested.exception, tested.exception


def test_what_is_pasted_just_before_another_way_of_bulk_planning_is_chosen_is_kept(database_url: str) -> None:
    tested = bulk("csv")
    tested.text_area[0].set_value("cron,when")
    other_way(tested, "fill")
    assert len(tested.text_area) == 0
    other_way(tested, "csv")
    assert tested.text_area[0].value == "cron,when"


def test_a_cron_that_is_none_is_in_the_grid_as_it_was_pasted(database_url: str) -> None:
    tested = bulk("csv")
    tested.text_area[0].set_value("cron,when\ngreeet,2090-02-01 22:00\ngreet,2090-02-01 22:00").run()
    tested.button(key="edit").click().run()
    assert not tested.exception
    grid = tested.dataframe[0]
    assert list(grid.value["cron"][:2]) == ["greeet", "greet"]
    offered = json.loads(grid.proto.columns)["cron"]["type_config"]["options"]
    assert "greeet" in [option["value"] for option in offered]


@pytest.mark.parametrize("blank", [",,", '""', ";;\n;;", "cron,when"])
def test_cells_that_are_all_blank_are_no_rows_and_keep_nobody_at_the_field(
    database_url: str, blank: str
) -> None:
    tested = bulk("csv")
    tested.text_area[0].set_value(blank).run()
    assert not tested.exception, tested.exception
    assert [told.value for told in tested.info] == ["No row yet: each line below the header plans a run."]
    other_way(tested, "fill")


def test_parameters_are_there_after_a_look_at_those_of_another_cron(database_url: str) -> None:
    def page():  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        import json  # noqa: PLC0415

        import streamlit as st  # noqa: PLC0415

        from core.catalogue import catalogue  # noqa: PLC0415
        from pages.parts.parameters import parameters_editor  # noqa: PLC0415

        name = st.radio("Cron", ["greet", "nothing"])
        edited = parameters_editor(catalogue().crons[name], {}, name, in_dialog=False)
        st.text(json.dumps([edited.latest, edited.problems]))

    tested = AppTest.from_function(page, default_timeout=30).run()
    tested.text_input[0].set_value("Ada").run()
    tested.radio[0].set_value("nothing").run()
    assert held(tested) == "[{}, []]"
    tested.radio[0].set_value("greet").run()
    assert held(tested) == '[{"name": "Ada", "times": 1}, []]'
    assert tested.text_input[0].value == "Ada"
    tested.segmented_control[0].set_value("json").run()
    tested.text_area[0].set_value('{"name": ').run()
    tested.radio[0].set_value("nothing").run()
    tested.radio[0].set_value("greet").run()
    assert tested.text_area[0].value == '{"name": '


@pytest.mark.parametrize("form", ["date", "date-time"])
def test_what_is_no_date_is_shown_as_it_is_where_one_is_wanted(database_url: str, form: str) -> None:
    def page(form):  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        import streamlit as st  # noqa: PLC0415

        from pages.parts.schema_fields import scalar  # noqa: PLC0415

        st.text(scalar({"type": "string", "format": form}, "day", 5, "day", required=True))

    assert held(AppTest.from_function(page, kwargs={"form": form}, default_timeout=30).run()) == "5"


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


def test_a_verdict_on_a_time_that_has_passed_is_not_that_all_is_well(database: psycopg.Connection) -> None:
    def page():  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        from datetime import UTC, datetime, timedelta  # noqa: PLC0415

        from core.catalogue import catalogue  # noqa: PLC0415
        from pages.parts.verdict import verdict  # noqa: PLC0415

        verdict(catalogue().cron("greet"), datetime.now(UTC) - timedelta(minutes=4))

    beats(database)
    shown = AppTest.from_function(page, default_timeout=30).run()
    assert any("This time has passed" in one.value for one in shown.markdown)
    assert not any("Nothing is in its way" in one.value for one in shown.markdown)


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
    monkeypatch.setattr(database, "clock", lambda: soon + timedelta(seconds=1))
    assert drafts.checked(rows)[0].problems == ["This time has passed: choose one to come."]
