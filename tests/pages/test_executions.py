"""The page of what has run and runs."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from playwright.sync_api import expect

from core import executions, schedules
from core.actors import Actor
from tests.pages.conftest import Visitor
from tests.pages.waiting import eventually

ALICE = Actor("alice", "operator", "api")


def printed(database: psycopg.Connection, run: executions.Execution, *lines: tuple[str, str]) -> None:
    """Lets the execution have begun and printed these lines, each on its stream."""
    database.execute(
        "UPDATE cron_executions SET status = 'running', started_at = now(), worker = 'w' WHERE id = %s",
        [run.id],
    )
    for stream, content in lines:
        database.execute(
            "INSERT INTO cron_execution_output (execution_id, seq, stream, content) "
            "SELECT %(id)s, count(*), %(stream)s, %(content)s FROM cron_execution_output "
            "WHERE execution_id = %(id)s",
            {"id": run.id, "stream": stream, "content": content},
        )


def test_output_is_shown_as_it_comes_and_tells_its_streams_apart(
    visit: Visitor, database: psycopg.Connection
) -> None:
    run = executions.trigger(ALICE, "wait")
    printed(database, run, ("stdout", "one\n"))
    page = visit(f"executions?id={run.id}")
    log = page.get_by_role("log")
    expect(log).to_have_text("one\n")
    printed(database, run, ("stderr", "<b>two</b> \x1b[31mred\x1b[0m\n"))
    expect(log.locator(".stderr")).to_have_text("<b>two</b> red\n")
    printed(database, run, ("stdout", "three\n"))
    expect(log).to_have_text("one\n<b>two</b> red\nthree\n")
    database.execute(
        "UPDATE cron_executions SET status = 'completed', finished_at = now(), exit_code = 0 WHERE id = %s",
        [run.id],
    )
    expect(page.get_by_text("Completed", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Stop the run")).to_have_count(0)


def test_the_whole_output_is_downloaded_as_it_was_printed(
    visit: Visitor, database: psycopg.Connection, tmp_path: Path
) -> None:
    run = executions.trigger(ALICE, "wait")
    lines = [("stdout", f"line {number} " + "x" * 2000 + "\n") for number in range(200)]
    printed(database, run, *lines)
    page = visit(f"executions?id={run.id}")
    expect(page.get_by_role("log")).to_contain_text("Earlier output is left out here")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    saved = tmp_path / "log"
    download.value.save_as(saved)
    assert saved.read_text(encoding="utf-8") == "".join(content for _stream, content in lines)


def test_a_run_under_way_is_stopped_once_that_is_confirmed(
    visit: Visitor, worker: None, database: psycopg.Connection
) -> None:
    run = executions.trigger(ALICE, "wait")
    page = visit(f"executions?id={run.id}")
    expect(page.get_by_role("log")).to_have_text("waiting\n")
    page.get_by_role("button", name="Stop the run").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the run").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Stop asked for by dashboard.")).to_have_count(1)


def test_a_run_is_started_again_with_the_same_parameters(
    visit: Visitor, worker: None, database_url: str
) -> None:
    first = executions.trigger(ALICE, "greet", {"name": "Ada", "times": 2})
    page = visit(f"executions?id={first.id}")
    page.get_by_role("button", name="Run again").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("name")).to_have_value("Ada")
    dialog.get_by_role("button", name="Run now", exact=True).click()
    again = eventually(
        lambda: [run for run in executions.find(executions.Filter()).rows if run.id != first.id]
    )[0]
    assert again.parameters == {"name": "Ada", "times": 2}
    expect(page.get_by_role("log")).to_have_text("hello Ada 2\n")


def test_a_schedule_and_its_execution_lead_to_each_other(
    visit: Visitor, worker: None, database: psycopg.Connection
) -> None:
    schedule = schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(hours=1))
    database.execute("UPDATE scheduled_cron_executions SET scheduled_at = now() + interval '10 ms'")
    run = eventually(lambda: executions.find(executions.Filter(status="completed")).rows)[0]
    page = visit(f"executions?id={run.id}")
    page.get_by_role("button", name="To its schedule").click()
    expect(page).to_have_url(re.compile(f"scheduled.*{schedule.id}"))
    expect(page.get_by_role("listitem").filter(has_text="after its time")).to_have_count(1)
    page.get_by_role("button", name="To its execution").click()
    expect(page).to_have_url(re.compile(f"executions.*{run.id}"))


def test_the_history_is_filtered_by_status_cron_and_text(
    visit: Visitor, database: psycopg.Connection
) -> None:
    executions.trigger(ALICE, "nothing")
    failed = executions.trigger(ALICE, "greet", {"name": "Ada"})
    executions.trigger(ALICE, "greet", {"name": "Bob"})
    database.execute(
        "UPDATE cron_executions SET status = 'failed', error_message = 'the disk is full' WHERE id = %s",
        [failed.id],
    )
    page = visit("executions")
    expect(page.get_by_text("3 executions")).to_be_visible()
    page.get_by_role("radiogroup", name="Status").get_by_text("Failed", exact=True).click()
    expect(page.get_by_text("1 execution", exact=True)).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text("the disk is full")
    by_text = visit("executions?search=Bob")
    expect(by_text.get_by_text("1 execution", exact=True)).to_be_visible()
    by_cron = visit("executions?cron=nothing&status=completed")
    expect(by_cron.get_by_text("1 execution", exact=True)).to_be_visible()
    expect(by_cron.get_by_role("rowheader")).to_have_text("Do nothing")


def test_an_identifier_of_nothing_is_told_in_a_sentence(visit: Visitor, database_url: str) -> None:
    for path in ("executions?id=nonsense", "executions?id=00000000-0000-7000-8000-000000000000"):
        page = visit(path, locale="fr")
        expect(page.get_by_role("alert")).to_contain_text("Cette exécution n’existe pas (ou plus).")


def test_the_output_is_searched_and_its_matches_are_walked_through(
    visit: Visitor, database: psycopg.Connection
) -> None:
    run = executions.trigger(ALICE, "wait")
    printed(database, run, ("stdout", "one Error\ntwo\nan er"), ("stderr", "ror <b>\n"))
    page = visit(f"executions?id={run.id}")
    field, log = page.get_by_role("searchbox", name="Search in the output"), page.get_by_role("log")
    field.fill("error")
    count = page.get_by_role("search").get_by_role("status")
    expect(count).to_have_text("1 of 2")
    expect(log.locator("mark.current")).to_have_text("Error")
    page.get_by_role("button", name="Next match").click()
    expect(count).to_have_text("2 of 2")
    # The second one lies in two pieces, and the current one stays so while more is printed.
    expect(log.locator("mark.current")).to_have_text(["er", "ror"])
    printed(database, run, ("stdout", "error again\n"))
    expect(count).to_have_text("2 of 3")
    field.press("Enter")
    field.press("Enter")
    expect(count).to_have_text("1 of 3")
    page.get_by_role("button", name="Previous match").click()
    expect(count).to_have_text("3 of 3")
    expect(log).to_have_text("one Error\ntwo\nan error <b>\nerror again\n")
    field.fill("nowhere")
    expect(count).to_have_text("Not found")
    expect(log.locator("mark")).to_have_count(0)


def test_on_a_phone_the_search_and_its_steps_stand_in_one_line_and_are_large_enough_to_hit(
    visit: Visitor, database: psycopg.Connection
) -> None:
    run = executions.trigger(ALICE, "wait")
    printed(database, run, ("stdout", "one Error\n"))
    page = visit(f"executions?id={run.id}", width=390)
    page.get_by_role("searchbox", name="Search in the output").fill("error")
    expect(page.get_by_text("1 of 1")).to_be_visible()
    bar = page.get_by_role("search").locator("input, button.step").all()
    boxes = [box for part in bar if (box := part.bounding_box())]
    assert len(boxes) == 3
    assert len({box["y"] for box in boxes}) == 1
    assert all(min(box["width"], box["height"]) >= 44 for box in boxes)


def test_a_search_reaches_what_the_pane_has_let_go(visit: Visitor, database: psycopg.Connection) -> None:
    run = executions.trigger(ALICE, "wait")
    lines = [("stdout", f"line {number} " + "x" * 2000 + "\n") for number in range(200)]
    printed(database, run, *lines)
    page = visit(f"executions?id={run.id}", locale="fr")
    page.get_by_role("searchbox", name="Chercher dans la sortie").fill("LINE 3 x")
    expect(page.get_by_role("search").get_by_role("status")).to_have_text("Introuvable")
    page.get_by_role("button", name="Chercher dans toute la sortie").click()
    expect(page.get_by_text("Lignes qui le contiennent dans toute la sortie\u00a0: 1")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Ligne 4")).to_contain_text("line 3 xxx")


def test_what_was_sent_is_not_sent_again_each_second(visit: Visitor, database: psycopg.Connection) -> None:
    run = executions.trigger(ALICE, "wait")
    printed(database, run, *[("stdout", "x" * 10_000 + "\n")] * 20)
    page = visit(f"executions?id={run.id}")
    log = page.get_by_role("log")
    expect(log.locator("span")).to_have_count(20)
    sizes: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sizes.append(len(frame))))
    page.reload()
    expect(log.locator("span")).to_have_count(20)
    page.wait_for_timeout(2500)
    assert sum(sizes) > 200_000
    sizes.clear()
    database.execute(
        "INSERT INTO cron_execution_output (execution_id, seq, stream, content) "
        "VALUES (%s, 20, 'stdout', 'news')",
        [run.id],
    )
    expect(log).to_contain_text("news")
    page.wait_for_timeout(2500)
    assert 0 < sum(sizes) < 100_000


def test_what_waits_to_begin_again_and_what_has_begun_are_two_facts_in_french_too(
    visit: Visitor, database: psycopg.Connection
) -> None:
    run = executions.trigger(ALICE, "wait")
    database.execute(
        "UPDATE cron_executions SET not_before = now() + interval '1 hour', started_at = now() WHERE id = %s",
        [run.id],
    )
    page = visit(f"executions?id={run.id}", locale="fr")
    expect(page.locator("dt").get_by_text("Débutera")).to_be_visible()
    names = page.locator("dt").all_inner_texts()
    assert names.index("Débutera") < names.index("Durée") < names.index("Début")
