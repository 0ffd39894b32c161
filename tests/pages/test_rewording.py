"""What the product writes and says in English, and a French reader reads in French."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import core.database
import core.executions
import core.paging
import core.schedules.planning
import core.undo
from core.catalogue import CatalogueError, parse
from core.errors import Conflict, CrondeskError, Forbidden, Invalid, NotFound, TooLarge, Unavailable
from core.settings import ROOT
from pages.parts import language, problems, rewording, times
from pages.parts.problems import TOLD

ERRORS = {"Invalid", "TooLarge", "Forbidden", "NotFound", "Conflict"}
# These are said on a terminal, never on a page: the command line's own, and what stops a start.
ELSEWHERE = ("core/cli/", "core/settings.py", "core/crontab", "core/errors.py")
# Composed of sentences that are found by themselves.
COMPOSED = {
    "problems[0]",
    "problems[0][:500]",
    "details[0]",
    "error.message",
    "complaint",
    "f'{field}: {reason}, {example}'",
    # Said by the system, or by a function of the database.
    "f'{path.name}: {error.strerror}'",
    "str(error.orig.diag.message_primary)",
}
NAMED = {
    "USED": core.executions.USED,
    "KEY_USED": core.schedules.planning.KEY_USED,
    "FOREIGN_CURSOR": core.paging.FOREIGN_CURSOR,
    "TOO_LATE": core.undo.TOO_LATE,
}
# Caught where it is raised.
UNSAID = {"larger than any float"}
VALUE = "42"


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("core", "worker"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not str(path.relative_to(ROOT)).startswith(ELSEWHERE):
                yield path, ast.parse(path.read_text(encoding="utf-8"))


def called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def sample(node: ast.AST) -> str | None:
    """A text as the code would write it; None where it is not written there."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_piece, node.values))
    if isinstance(node, ast.Subscript):
        return sample(node.value)
    return NAMED.get(node.id) if isinstance(node, ast.Name) else None


def _piece(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return _value(part.value)
    assert isinstance(part, ast.Constant)
    return str(part.value)


def _value(node: ast.expr) -> str:
    # What is filled in is a sentence itself where it is an error's message.
    return "status: must be 1 or more" if ast.unparse(node) in ("error", "error.message") else VALUE


def raised() -> Iterator[tuple[str, str]]:
    """Each error of core: where, and what it says."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in ERRORS and node.args:
                first = node.args[0]
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                if ast.unparse(first) in COMPOSED:
                    continue
                text = sample(first)
                if text is None:
                    pytest.fail(f"{where}: {ast.unparse(first)} is no text that can be read here")
                yield where, text


def composed() -> Iterator[tuple[str, str]]:
    """What validators and gatherers of problems say."""
    said = re.compile(r"core/(recurrence|catalogue/\w+|parameters|blackouts|schedules/planning)\.py")
    for path, tree in sources():
        if not said.fullmatch(str(path.relative_to(ROOT))):
            continue
        for node in ast.walk(tree):
            given: list[ast.expr] = []
            if isinstance(node, ast.Yield) and node.value:
                given = [node.value]
            elif isinstance(node, ast.Call) and node.args:
                first = node.args[0]
                if called(node) in ("ValueError", "append"):
                    given = [first]
                elif called(node) == "CatalogueError" and isinstance(first, ast.List):
                    given = first.elts
            for one in given:
                text = sample(one)
                if text is not None and " " in text and text not in UNSAID:
                    about = "repeatPattern: " if path.name == "recurrence.py" else ""
                    yield f"{path.relative_to(ROOT)}:{one.lineno}", about + text


def written() -> Iterator[tuple[str, str]]:
    """Each sentence that ends up in a row's error_message, as far as Python writes it."""
    for path, tree in sources():
        if "notifications" in path.parts:
            continue
        for node in ast.walk(tree):
            given: list[ast.expr | None] = []
            if isinstance(node, ast.Call):
                given += [keyword.value for keyword in node.keywords if keyword.arg == "error"]
                places = {"Answer": 1, "NotStarted": 0, "_failed": 1, "literal": 0}
                place = places.get(called(node))
                given += [] if place is None else node.args[place : place + 1]
            elif isinstance(node, ast.FunctionDef) and node.name == "ended":
                given += [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
            elif isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                given += [value for key, value in pairs if key and ast.unparse(key) == "'error_message'"]
            for one in filter(None, given):
                text = sample(one)
                if text and " " in text:
                    yield f"{path.relative_to(ROOT)}:{one.lineno}", text


SET = re.compile(r"error_message\s*=\s*(.+?)(?:\n\s*(?:FROM|WHERE|RETURNING)\b|,\n\s*\w+ = |;\n)", re.DOTALL)
CALL = re.compile(r"\b\w+\((?:[^()]|\([^()]*\))*\)")
LITERAL = re.compile(r"'((?:[^']|'')*)'")


def written_by_sql() -> Iterator[tuple[str, str]]:
    """The pieces of the sentences that SQL writes into error_message."""
    texts = [(path, path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("migrations/sql/*.sql"))]
    for path, tree in sources():
        constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
        texts += [(path, node.value) for node in constants if isinstance(node.value, str)]
    for path, text in texts:
        for value in SET.findall(text + ";\n"):
            # What coalesce offers is said; what to_char and others are given is a format.
            said = value.replace("coalesce(nullif(p_error, ''), ", "(")
            for piece in LITERAL.findall(CALL.sub("", said)):
                if " " in piece.strip():
                    yield str(path.relative_to(ROOT)), piece.strip()


def known(text: str) -> bool:
    return rewording.is_known(text) or any(re.search(pattern, text) for pattern in TOLD)


@pytest.mark.parametrize("found", [raised, composed, written])
def test_every_sentence_that_core_says_has_its_french_text(
    found: Callable[[], Iterator[tuple[str, str]]],
) -> None:
    told = list(found())
    assert len(told) > 15
    assert [f"{where}: {text}" for where, text in told if not known(text)] == [], (
        "say it in pages/parts/rewording.py"
    )


def test_every_sentence_that_sql_writes_has_its_french_text() -> None:
    pieces = list(written_by_sql())
    assert {"failed without a reason", "gave no sign of life since"} <= {piece for _path, piece in pieces}
    said = "\n".join(rewording.WRITTEN)
    assert [
        f"{path}: {piece}" for path, piece in pieces if not (piece in said or known(f"{piece} {VALUE}"))
    ] == [], "say it in pages/parts/rewording.py"


@pytest.fixture
def french(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "language", lambda: "fr")
    monkeypatch.setattr(rewording, "language", lambda: "fr")
    monkeypatch.setattr(times, "language", lambda: "fr")


@pytest.fixture
def paris(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "browser_zone", lambda: ZoneInfo("Europe/Paris"))


@pytest.mark.usefixtures("paris")
def test_an_instant_is_told_by_the_reader_s_clock() -> None:
    text = "expired: it could not fire before 2031-01-02 23:04:05 UTC"
    told = "expired: it could not fire before Fri 3 Jan 2031, 00:04:05"
    assert rewording.reworded(text).replace(times.NO_BREAK, " ") == told
    # Another program's words are left as they are.
    assert rewording.reworded("no answer since 2031-01-02 23:04:05 UTC") == (
        "no answer since 2031-01-02 23:04:05 UTC"
    )


@pytest.mark.usefixtures("french", "paris")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ended with exit code 3", "terminée avec le code de sortie 3"),
        (
            "worker lost: web-2:4711 gave no sign of life since 2031-01-02 03:04:05 UTC",
            "worker perdu\u00a0: web-2:4711 ne donne plus signe de vie depuis le jeu. 2 janv. 2031, 04:04:05",
        ),
        (
            "worker lost: w gave no sign of life since 2031-01-02 03:04:05 UTC (attempt 2)",
            "worker perdu : w ne donne plus signe de vie depuis le jeu. 2 janv. 2031, 04:04:05 (tentative 2)",
        ),
        (
            "the target answered 503 Service Unavailable (attempt 2 of 3)",
            "la cible a répondu 503 Service Unavailable (tentative 2 sur 3)",
        ),
        (
            "not started: cronName: the catalogue has no such cron",
            "non démarrée\u00a0: cronName\u00a0: le catalogue ne contient pas ce cron",
        ),
        ("pg_dump: no space left on device", "pg_dump: no space left on device"),
    ],
)
def test_a_row_s_sentence_is_told_in_french(text: str, told: str) -> None:
    # As its days and its signs do, a sentence breaks nowhere within them.
    assert rewording.reworded(text).replace(times.NO_BREAK, " ") == told.replace(times.NO_BREAK, " ")


def test_an_english_reader_reads_what_the_row_says() -> None:
    assert rewording.reworded("ended with exit code 3") == "ended with exit code 3"


@pytest.mark.usefixtures("french")
def test_what_is_wrong_with_the_catalogue_is_told_in_french() -> None:
    with pytest.raises(CatalogueError) as error:
        parse('[crons.a]\ntitle = { en = "A", fr = "A" }\nnoop = true\ntypo = 1\n')
    [problem] = error.value.problems
    assert rewording.reworded(problem) == "ligne 4\u00a0: cron 'a'\u00a0: typo\u00a0: clé inconnue"


@pytest.mark.usefixtures("french")
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Unavailable(core.database.AWAY), "injoignable"),
        (Unavailable(core.database.BUSY), "trop occupée"),
        (Unavailable(core.database.FULL), "plus de place"),
        (Unavailable(core.database.NOT_MIGRATED), "alembic upgrade head"),
        (TooLarge("parameters: larger than 64 KiB of JSON"), "64"),
        (NotFound("id: there is no such series"), "existe"),
        (Conflict("id: something new"), "pas possible"),
        (Forbidden("eve is a viewer and may not schedule"), "rôle"),
        (Invalid("endsAt: must be later than startsAt"), "La fin doit"),
        (Invalid("repeatCount: must be 1 or more"), "repeatCount\u00a0: doit être au moins 1."),
    ],
)
def test_an_error_is_told_in_one_french_sentence(error: CrondeskError, told: str) -> None:
    sentence = problems.sentence_of(error)
    assert told in sentence
    assert sentence.endswith(".")
