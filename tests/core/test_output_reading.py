"""What executions printed, as people read it: its end, a search in all of it, an HTTP answer."""

import psycopg
import pytest

from core import executions, output
from core.actors import Actor
from core.errors import Invalid

ALICE = Actor("alice", "operator", "api")


@pytest.fixture
def run(database_url: str) -> executions.Execution:
    return executions.trigger(ALICE, "greet")


def printed(database: psycopg.Connection, run: executions.Execution, *pieces: str) -> None:
    with database.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO cron_execution_output (execution_id, seq, stream, content) "
            "VALUES (%s, %s, 'stdout', %s)",
            [(run.id, place, piece) for place, piece in enumerate(pieces)],
        )


def test_a_text_is_found_in_every_line_that_has_it_whatever_its_case(
    database: psycopg.Connection, run: executions.Execution
) -> None:
    printed(database, run, "one\nError: two\nthree\nan eRRor\n")
    found = output.search(run.id, "error")
    assert found == output.Found(2, [output.Line(2, "Error: two"), output.Line(4, "an eRRor")])


def test_a_text_that_two_pieces_share_is_found(
    database: psycopg.Connection, run: executions.Execution
) -> None:
    printed(database, run, "first\nthe disk is fu", "ll now\nlast")
    assert output.search(run.id, "full").lines == [output.Line(2, "the disk is full now")]
    assert output.search(run.id, "last").lines == [output.Line(3, "last")]


def test_colours_of_a_terminal_do_not_hide_a_text(
    database: psycopg.Connection, run: executions.Execution
) -> None:
    printed(database, run, "the \x1b[31mdi\x1b[0msk\n")
    assert output.search(run.id, "the disk").lines == [output.Line(1, "the disk")]


def test_all_lines_are_counted_and_the_first_are_returned_over_more_pieces_than_are_read_at_once(
    database: psycopg.Connection, run: executions.Execution
) -> None:
    printed(database, run, *(f"needle {place}\n" for place in range(2500)))
    found = output.search(run.id, "needle", limit=3)
    assert found.count == 2500
    assert [line.number for line in found.lines] == [1, 2, 3]
    assert output.search(run.id, "needle 2499").lines == [output.Line(2500, "needle 2499")]


def test_of_a_long_line_the_part_around_the_text_is_shown(
    database: psycopg.Connection, run: executions.Execution
) -> None:
    printed(database, run, "a" * 5000 + "needle" + "b" * 5000 + "\n")
    [line] = output.search(run.id, "needle").lines
    assert "aaaneedlebbb" in line.text
    assert len(line.text) <= output.LINE_SHOWN + 2


@pytest.mark.parametrize("sought", ["", "x" * 201, "two\nlines"])
def test_a_search_for_nothing_or_too_much_is_refused(run: executions.Execution, sought: str) -> None:
    with pytest.raises(Invalid, match="search"):
        output.search(run.id, sought)


def test_the_end_of_much_output_is_read_without_its_beginning(
    database: psycopg.Connection, run: executions.Execution
) -> None:
    assert output.tail_of(run.id, 1000) == []
    printed(database, run, *(f"{place:09}\n" for place in range(1000)))
    assert [chunk.seq for chunk in output.tail_of(run.id, 5000)] == list(range(500, 1000))
    assert [chunk.seq for chunk in output.tail_of(run.id, 5)] == [999]
    assert len(output.tail_of(run.id, 1_000_000)) == 1000


def test_the_answer_of_an_http_target_is_its_status_line(
    database: psycopg.Connection, run: executions.Execution
) -> None:
    hook = executions.trigger(ALICE, "hook")
    assert output.answer_of(hook) is None
    printed(database, hook, "HTTP 202 Accepted\n{}")
    printed(database, run, "HTTP 202 Accepted\n")
    assert output.answer_of(hook) == "202 Accepted"
    assert output.answer_of(run) is None
