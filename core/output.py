"""What executions have printed, as people read it: the end of it, a search in all of it, an HTTP answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from core.database import reading
from core.errors import Invalid
from core.executions import OUTPUT_PAGE, Chunk, Execution, output_of
from core.tables import output

# What colours a terminal (ECMA-48), and would be noise here.
CONTROL = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
TAIL_PAGE = 200
MAX_SOUGHT = 200
LINE_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Line:
    """A line of output in which something was found.

    Attributes:
        number: from 1.
        text: the line; of a long one the part around what was found.
    """

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        count: how many lines have it.
        lines: the first of them.
    """

    count: int
    lines: list[Line]


def readable(text: str) -> str:
    """The text without what only a terminal understands."""
    return CONTROL.sub("", text)


def tail_of(execution_id: UUID, characters: int) -> list[Chunk]:
    """The last pieces that an execution printed, in the order they came.

    Args:
        characters: the pieces have together at most so many, or there is only one.

    Raises:
        Unavailable.
    """
    kept: list[Chunk] = []
    size = 0
    columns = (output.c.seq, output.c.stream, output.c.at, output.c.content)
    pieces = select(*columns).where(output.c.execution_id == execution_id)
    latest_first = pieces.order_by(output.c.seq.desc()).limit(TAIL_PAGE)
    with reading() as connection:
        while True:
            before = latest_first.where(output.c.seq < kept[-1].seq) if kept else latest_first
            rows = connection.execute(before).all()
            for row in rows:
                chunk = Chunk(*row)
                size += len(chunk.content)
                if kept and size > characters:
                    return kept[::-1]
                kept.append(chunk)
            if len(rows) < TAIL_PAGE:
                return kept[::-1]


def search(execution_id: UUID, sought: str, limit: int = 100) -> Found:
    """The lines in all that an execution printed that hold a text, whatever its case.

    Args:
        sought: 1 to 200 characters of one line.
        limit: how many lines are returned at most; all are counted.

    Raises:
        Invalid: there is nothing to look for, or it is too long.
        NotFound, Unavailable.
    """
    if not 1 <= len(sought) <= MAX_SOUGHT or "\n" in sought:
        raise Invalid(f"search: must be 1 to {MAX_SOUGHT} characters of one line")
    pattern = re.compile(re.escape(sought), re.IGNORECASE)
    found = Found(0, [])
    count = 0
    for number, line in enumerate(_lines(execution_id), 1):
        match = pattern.search(line)
        if match is None:
            continue
        count += 1
        if len(found.lines) < limit:
            found.lines.append(Line(number, _around(line, match)))
    return Found(count, found.lines)


def _lines(execution_id: UUID) -> Iterator[str]:
    """The lines as they stand on a page: a piece may end in the middle of one."""
    rest, last = "", -1
    while True:
        chunks = output_of(execution_id, after=last, limit=OUTPUT_PAGE)
        *whole, rest = (rest + "".join(chunk.content for chunk in chunks)).split("\n")
        yield from map(readable, whole)
        if len(chunks) < OUTPUT_PAGE:
            break
        last = chunks[-1].seq
    if rest:
        yield readable(rest)


def _around(line: str, match: re.Match[str]) -> str:
    if len(line) <= LINE_SHOWN:
        return line
    begin = max(0, min(match.start() - LINE_SHOWN // 3, len(line) - LINE_SHOWN))
    end = begin + LINE_SHOWN
    return ("…" if begin else "") + line[begin:end] + ("…" if end < len(line) else "")


def answer_of(run: Execution) -> str | None:
    """The status line with which an HTTP target answered, such as '200 OK'; None where nothing tells it.

    Raises:
        Unavailable.
    """
    if run.target != "http":
        return None
    # The worker writes status line and body as one piece (core.targets.http).
    first = func.split_part(output.c.content, "\n", 1)
    wanted = select(first).where(
        output.c.execution_id == run.id, output.c.stream == "stdout", output.c.seq == 0
    )
    with reading() as connection:
        line = connection.execute(wanted).scalar()
    return line.removeprefix("HTTP ").strip() if line and line.startswith("HTTP ") else None
