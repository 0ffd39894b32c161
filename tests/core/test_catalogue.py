"""The catalogue: any text is crons or problems that name cron, key and line; the last good one stays."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.catalogue import CatalogueError, CatalogueFile, Cron, argument_of, parse
from core.errors import Invalid
from core.parameters import check, with_defaults

GOOD = """\
[crons.one]
title = { en = "One", fr = "Un" }
command = ["echo", "{size}"]
timeout_seconds = 5

[crons.one.parameters]
type = "object"
[crons.one.parameters.properties.size]
type = "integer"
default = 3

[crons.two]
title = { en = "Two", fr = "Deux" }
http = { url = "https://example.org/" }
retry = { attempts = 3, delay_seconds = 10 }
"""
LINES = GOOD.splitlines()
snippets = st.sampled_from(
    [
        *LINES,
        "[crons.'']",
        '[crons.""]',
        "[[crons.one]]",
        "crons = 3",
        "a = [[[[",
        "'''",
        'x = "{"',
        "inf = inf",
    ]
)


def mutated(text: str, place: int, length: int, inserted: str) -> str:
    place %= len(text) + 1
    return text[:place] + inserted + text[place + length :]


mutations = st.builds(
    mutated, st.just(GOOD), st.integers(0, 1000), st.integers(0, 40), snippets | st.text(max_size=8)
)
documents = st.lists(snippets, max_size=15).map("\n".join)


@given(st.text() | mutations | documents)
@example("a = " + "[" * 5000)
@example("[crons.''.x]\n")
@example("\ufeff" + GOOD)
def test_any_text_is_crons_or_problems(text: str) -> None:
    problems: list[str] = []
    crons: dict[str, Cron] = {}
    try:
        crons = parse(text)
    except CatalogueError as error:
        problems = error.problems or [""]
    assert all(problem.strip() for problem in problems)
    for cron in crons.values():
        works(cron)


def works(cron: Cron) -> None:
    """What a worker does with a cron, it can do with each that was accepted."""
    assert cron.fingerprint
    assert cron.target in ("command", "http", "noop")
    try:
        check({}, cron.parameters)
    except Invalid:
        return
    values = {name: str(value) for name, value in with_defaults({}, cron.parameters).items()}
    for argument in cron.command or ():
        assert isinstance(argument_of(argument, values), str)


def problems_of(text: str) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        parse(text)
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("timeout_seconds = 5", "timeout_seconds = 0", 4, "cron 'one': timeout_seconds: "),
        ("timeout_seconds = 5", "timeout = 5", 4, "cron 'one': timeout: unknown key"),
        (', fr = "Un"', "", 2, "cron 'one': title.fr: is missing"),
        ('"{size}"', '"{colour}"', 3, "cron 'one': command: the placeholder {colour} must be a parameter"),
        (
            'type = "integer"',
            'type = "number of things"',
            9,
            "cron 'one': parameters.properties.size.type: no valid JSON Schema: ",
        ),
        ('["echo", "{size}"]', '"echo {size}"', 3, "cron 'one': command: must be a list of arguments"),
        (
            '"{size}"',
            '"{size!r:>5}"',
            3,
            "cron 'one': command: in '{size!r:>5}': braces hold a parameter's name",
        ),
        ('"{size}"', '"{size:>5}"', 3, "cron 'one': command: in '{size:>5}': braces hold a parameter's name"),
        ('"{size}"', '"{size"', 3, "cron 'one': command: "),
        (
            "default = 3",
            'default = "three"',
            10,
            "cron 'one': parameters.properties.size.default: breaks its",
        ),
        ("//example", "//me:sesame@example", 14, "cron 'two': http.url: must not hold a user or a password"),
        ("example.org/", "example.org:port/", 14, "cron 'two': http.url: is no URL"),
        ("attempts = 3", "attempts = 0", 15, "cron 'two': retry.attempts: "),
        (
            'command = ["echo", "{size}"]',
            "noop = true\nretry = { attempts = 2 }",
            4,
            "cron 'one': retry: a noop neither fails nor waits",
        ),
        (
            "retry = { attempts",
            "retry_conflict = { tries",
            15,
            "cron 'two': retry_conflict.tries: unknown key",
        ),
        ("https://", "ftp://", 14, "cron 'two': http.url: "),
        ("[crons.two]", "[crons.Two]", 12, "cron 'Two': a name is of lower-case letters"),
        ("default = 3", "default = 2030-01-01", 6, "cron 'one': parameters: no valid JSON Schema: "),
        ("default = 3", "default = nan", 6, "cron 'one': parameters: no valid JSON Schema: "),
        (
            "default = 3",
            'pattern = "("',
            10,
            "cron 'one': parameters.properties.size.pattern: no valid JSON Schema: ",
        ),
        ("default = 3", 'pattern = "a{99999999999999}"', 6, "cron 'one': parameters: no valid JSON Schema: "),
    ],
)
def test_a_mistake_names_cron_key_and_line(old: str, new: str, line: int, told: str) -> None:
    assert GOOD.count(old) == 1
    [problem] = problems_of(GOOD.replace(old, new))
    assert problem.startswith(f"line {line}: {told}"), problem


def test_no_toml_names_the_line() -> None:
    [problem] = problems_of(GOOD.replace('"Un" }', '"Un"'))
    assert problem.startswith("line 2: cron 'one': title: not TOML: ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = ", "line 1: not TOML: "),
        ("[crons.a]\ntitle = 1\n\nnoop true", "line 4: cron 'a': title: not TOML: "),
        ("[crons.a]\n= 1", "line 2: cron 'a': not TOML: "),
        ('[crons.a]\ntitle = """never\nended\n', "line 3: cron 'a': title: not TOML: "),
        ("[crons.a]\nnoop = true\nnoop = true\n", "line 3: cron 'a': noop: not TOML: "),
    ],
)
def test_no_toml_names_the_nearest_cron_and_key(text: str, told: str) -> None:
    [problem] = problems_of(text)
    assert problem.startswith(told)


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD.replace("timeout_seconds = 5", "timeout_seconds = 0").replace("attempts = 3", "attempts = 0")
    assert len(problems_of(text)) == 2


def test_a_cron_has_exactly_one_target() -> None:
    [problem] = problems_of(GOOD.replace("[crons.two]", "[crons.two]\nnoop = true"))
    assert "exactly one of command, http and noop" in problem


def test_a_schema_that_refers_to_itself_for_ever_is_no_run_but_an_error() -> None:
    cron = parse(GOOD.replace('type = "object"', 'type = "object"\n"$ref" = "#"'))["one"]
    with pytest.raises(Invalid, match="parameters"):
        check({"size": 1}, cron.parameters)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "crons.toml"
    made.write_text(GOOD)
    return made


def change(path: Path, text: str) -> None:
    path.write_text(text)
    # The clock of files may be coarser than two writes are apart.
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1_000_000))


def test_a_mistake_leaves_the_last_good_one_in_force_and_is_told(path: Path) -> None:
    file = CatalogueFile(path, path.with_name("good.toml"))
    assert list(file.current().crons) == ["one", "two"]
    change(path, GOOD.replace("attempts = 3", "attempts = 0"))
    assert list(file.current().crons) == ["one", "two"]
    assert file.current().problems[0].startswith("line 15: cron 'two'")
    change(path, GOOD.split("[crons.two]")[0])
    assert list(file.current().crons) == ["one"]
    assert file.current().problems == ()


@pytest.mark.parametrize("left", ["", "\n", "# half of\n", "[crons]\n"])
def test_a_file_without_a_cron_leaves_the_last_good_one_in_force(path: Path, left: str) -> None:
    file = CatalogueFile(path, path.with_name("good.toml"))
    file.current()
    change(path, left)
    assert list(file.current().crons) == ["one", "two"]
    assert "has no cron" in file.current().problems[0]
    restarted = CatalogueFile(path, path.with_name("good.toml"))
    assert list(restarted.current().crons) == ["one", "two"]
    assert restarted.current().problems
    change(path, GOOD)
    assert file.current().problems == ()


def test_where_there_never_was_a_cron_an_empty_file_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "crons.toml"
    path.touch()
    assert CatalogueFile(path, tmp_path / "good.toml").current().problems == ()


def test_the_last_good_one_survives_a_restart(path: Path) -> None:
    CatalogueFile(path, path.with_name("good.toml")).current()
    change(path, "broken [")
    restarted = CatalogueFile(path, path.with_name("good.toml"))
    assert list(restarted.current().crons) == ["one", "two"]
    assert restarted.current().problems


def test_a_file_that_is_gone_or_no_text_leaves_it_in_force(path: Path) -> None:
    file = CatalogueFile(path, path.with_name("good.toml"))
    file.current()
    path.write_bytes(b"\xff\xfe")
    os.utime(path, ns=(0, 1))
    assert file.current().problems == ("crons.toml: not UTF-8",)
    path.unlink()
    assert list(file.current().crons) == ["one", "two"]
    assert file.current().problems == ("crons.toml: No such file or directory",)
    path.write_text(GOOD)
    assert file.current().problems == ()


def test_without_any_good_one_there_are_no_crons_and_a_problem(tmp_path: Path) -> None:
    file = CatalogueFile(tmp_path / "none.toml", tmp_path / "good.toml")
    assert dict(file.current().crons) == {}
    assert file.current().problems


def test_a_place_that_cannot_be_written_takes_nothing_down(path: Path) -> None:
    blocked = path.with_name("file")
    blocked.write_text("")
    file = CatalogueFile(path, blocked / "good.toml")
    assert list(file.current().crons) == ["one", "two"]
    assert file.current().problems == ()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_placeholder_stays_one_argument_whatever_it_holds(value: str) -> None:
    assert argument_of("a {x} {{literal}} {x}", {"x": value}) == f"a {value} {{literal}} {value}"
