"""What an execution prints, as it comes, with a search; standard error and our own voice stand out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import streamlit as st

from core import executions, output
from core.errors import CrondeskError
from core.executions import OUTPUT_PAGE, UNFINISHED, Chunk, Execution
from core.output import Found
from pages.parts.component import component
from pages.parts.language import _
from pages.parts.notices import toast_later
from pages.parts.problems import sentence_of

_output = component("output")
KEY = "output of execution"
# More would make the browser slow; the file to download holds all of it.
SHOWN_CHARACTERS = 256 * 1024
FOUND_LINES = 100


@dataclass(slots=True)
class Sent:
    """What the browser has been sent of an execution's output.

    Attributes:
        last: the seq of the last piece.
        before: the seq of the last piece of the message before: what came since is sent once more,
            for the browser may have passed over a message while the next one came.
        whole: whether the next message holds all that is shown, not only what is new.
        sought: what all of the output was searched for, if it was.
    """

    execution_id: UUID
    last: int = -1
    before: int = -1
    whole: bool = True
    cut: bool = False
    sought: str = ""
    found: Found | None = None


def begin(run: Execution) -> None:
    """Has the next message hold all: the page runs anew, and its browser may know nothing yet."""
    _sent(run).whole = True


def _sent(run: Execution) -> Sent:
    sent: Sent | None = st.session_state.get("output")
    if sent is None or sent.execution_id != run.id:
        sent = Sent(run.id)
        st.session_state["output"] = sent
    return sent


def output_pane(run: Execution) -> None:
    """Shows what the execution has printed so far; to be called again for what is new."""
    sent = _sent(run)
    chunks = _fresh(sent)
    empty = _("Nothing yet.") if run.status in UNFINISHED else _("It printed nothing.")
    data: dict[str, Any] = {
        "execution": str(run.id),
        "after": None if sent.whole else sent.before,
        "chunks": [
            {"seq": chunk.seq, "stream": chunk.stream, "text": output.readable(chunk.content)}
            for chunk in chunks
        ],
        "cut": sent.cut,
        "limit": SHOWN_CHARACTERS,
        "found": _written(sent),
        "words": _words(empty),
    }
    newest = chunks[-1].seq if chunks else sent.last
    sent.before, sent.last, sent.whole = (newest if sent.whole else sent.last), newest, False
    _heading(run)
    _output(key=KEY, data=data, on_whole_change=lambda: _asked(sent), on_search_change=lambda: _search(sent))


def _heading(run: Execution) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(_("Output"), anchor=False, width="content")
        if _sent(run).last < 0:
            return
        st.download_button(
            _("Download"),
            data=lambda: _all(run.id),
            file_name=f"{run.cron_name}-{run.id}.log",
            mime="text/plain",
            icon=":material/download:",
            on_click="ignore",
            key="download",
        )


def _fresh(sent: Sent) -> list[Chunk]:
    if sent.whole:
        chunks = output.tail_of(sent.execution_id, SHOWN_CHARACTERS)
        sent.cut = bool(chunks) and chunks[0].seq > 0
        return chunks
    return list(_since(sent.execution_id, sent.before))


def _since(execution_id: UUID, after: int) -> Iterator[Chunk]:
    while True:
        page = executions.output_of(execution_id, after=after, limit=OUTPUT_PAGE)
        yield from page
        if len(page) < OUTPUT_PAGE:
            return
        after = page[-1].seq


def _asked(sent: Sent) -> None:
    sent.whole = True


def _search(sent: Sent) -> None:
    sought = str(st.session_state[KEY].search or "")[: output.MAX_SOUGHT].replace("\n", " ")
    try:
        sent.found = output.search(sent.execution_id, sought, FOUND_LINES) if sought else None
        sent.sought = sought
    except CrondeskError as error:
        toast_later(sentence_of(error))


def _written(sent: Sent) -> dict[str, Any] | None:
    if sent.found is None:
        return None
    lines = [{"number": line.number, "text": line.text} for line in sent.found.lines]
    return {"sought": sent.sought, "count": sent.found.count, "lines": lines}


def _words(empty: str) -> dict[str, str]:
    return {
        "label": _("Output"),
        "empty": empty,
        "cut": _("Earlier output is left out here; the download holds all of it."),
        "follow": _("Follow the end"),
        "search": _("Search in the output"),
        "previous": _("Previous match"),
        "next": _("Next match"),
        # Translators: the place of a match, such as 3 of 17.
        "place": _("{place} of {count}"),
        "none": _("Not found"),
        "all": _("Search all of it"),
        "lines": _("Lines with it in all of the output: {count}"),
        # Translators: the number of a line.
        "line": _("Line {number}"),
    }


def _all(execution_id: UUID) -> bytes:
    return "".join(chunk.content for chunk in _since(execution_id, -1)).encode()
