"""Reads crons.toml, strictly: each mistake with its line, all of them at once."""

import re
import tomllib
from typing import Any

from pydantic import ValidationError

from core.catalogue.entries import Cron

CRON_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class CatalogueError(Exception):
    """The file cannot be used; each problem names the cron, the key and the line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def parse(text: str) -> dict[str, Cron]:
    """Reads a catalogue.

    Args:
        text: the TOML document.

    Returns:
        The crons by name, in the document's order.

    Raises:
        CatalogueError: the document breaks a rule; all problems are told at once.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError([_not_toml(str(error), text)]) from None
    except RecursionError:
        raise CatalogueError(["not TOML that can be read: nested too deeply"]) from None
    lines = _Lines(text)
    problems = [f"line {lines.of(key)}: unknown key {key}" for key in document if key != "crons"]
    tables = document.get("crons", {})
    if not isinstance(tables, dict):
        raise CatalogueError([*problems, f"line {lines.of('crons')}: crons must be a table of crons"])
    crons: dict[str, Cron] = {}
    for name, table in tables.items():
        where = lines.of("crons", name)
        if not CRON_NAME.fullmatch(name):
            problems.append(
                f"line {where}: cron {name!r}: a name is of lower-case letters, digits, '-', '_' and '.'"
            )
        elif not isinstance(table, dict):
            problems.append(f"line {where}: cron {name!r}: must be a table")
        elif "name" in table:
            problems.append(f"line {lines.of('crons', name, 'name')}: cron {name!r}: unknown key name")
        else:
            try:
                crons[name] = Cron(name=name, **table)
            except ValidationError as error:
                problems += [_told(name, dict(problem), lines) for problem in error.errors()]
    if problems:
        raise CatalogueError(problems)
    return crons


def _not_toml(message: str, text: str) -> str:
    found = re.search(r"at line (\d+)", message)
    line = int(found[1]) if found else max(1, len(text.splitlines()))
    path = _Lines(text).before(line)
    if path[:1] != ("crons",) or len(path) == 1:
        return f"line {line}: not TOML: {message}"
    key = ".".join(path[2:])
    return f"line {line}: cron {path[1]!r}: {key + ': ' if key else ''}not TOML: {message}"


def _told(name: str, problem: dict[str, Any], lines: "_Lines") -> str:
    path = [str(part) for part in problem["loc"]]
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key"
    elif problem["type"] == "missing":
        message = "is missing"
    elif problem["type"] == "tuple_type":
        message = "must be a list"
        if path == ["command"]:
            message = 'must be a list of arguments, such as ["program", "argument"]; no shell reads it'
    if not path and ": " in message and message.split(": ")[0].split(".")[0] in Cron.model_fields:
        key, message = message.split(": ", 1)
        path = key.split(".")
    key = ".".join(path)
    line = lines.of("crons", name, *path)
    return f"line {line}: cron {name!r}: {key + ': ' if key else ''}{message}"


class _Lines:
    """Finds the line that a key of a TOML document stands on; tomllib keeps none."""

    HEADER = re.compile(r"\s*\[\[?\s*(.+?)\s*\]\]?\s*(#.*)?$")
    KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
    PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")

    def __init__(self, text: str) -> None:
        self._found: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), 1):
            if header := self.HEADER.match(line):
                table = self._parts(header[1])
                self._found.setdefault(table, number)
            elif key := self.KEY.match(line):
                self._found.setdefault(table + self._parts(key[1]), number)

    def of(self, *path: str) -> int:
        """The line of the key, or of the nearest table around it that has one."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._found:
                return self._found[path[:length]]
        starts = [line for found, line in self._found.items() if found[: len(path)] == path]
        return min(starts, default=1)

    def before(self, line: int) -> tuple[str, ...]:
        """The key that stands on the line or nearest above it."""
        above = [(found, path) for path, found in self._found.items() if found <= line]
        return max(above, default=(0, ()), key=lambda one: one[0])[1]

    def _parts(self, dotted: str) -> tuple[str, ...]:
        return tuple(next((group for group in match if group), "") for match in self.PART.findall(dotted))
