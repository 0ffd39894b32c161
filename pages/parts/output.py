"""What an execution prints, as it comes; standard error and the product's own voice stand out."""

import re
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

import streamlit as st

from core import executions
from core.executions import OUTPUT_PAGE, UNFINISHED, Chunk, Execution
from pages.parts.component import component
from pages.parts.language import _

_output = component("output")
# More would make the browser slow; the file to download holds all of it.
SHOWN_CHARACTERS = 256 * 1024
# What colours a terminal (ECMA-48), and would be noise here.
CONTROL = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)


@dataclass(slots=True)
class Seen:
    """The end of an execution's output, as far as it was read.

    Attributes:
        last: the seq of the last piece.
        characters: how many the kept pieces have.
        cut: whether earlier pieces were let go.
    """

    execution_id: UUID
    last: int = -1
    characters: int = 0
    cut: bool = False
    chunks: deque[Chunk] = field(default_factory=deque)

    def read_on(self) -> None:
        """Reads what has come since."""
        while True:
            fresh = executions.output_of(self.execution_id, after=self.last, limit=OUTPUT_PAGE)
            for chunk in fresh:
                self.last = chunk.seq
                self.characters += len(chunk.content)
                self.chunks.append(chunk)
            while self.characters > SHOWN_CHARACTERS and len(self.chunks) > 1:
                self.characters -= len(self.chunks.popleft().content)
                self.cut = True
            if len(fresh) < OUTPUT_PAGE:
                return


def output(run: Execution) -> None:
    """Shows what the execution has printed so far, and lets it be downloaded whole."""
    seen: Seen = st.session_state.get("output") or Seen(run.id)
    if seen.execution_id != run.id:
        seen = Seen(run.id)
    st.session_state["output"] = seen
    seen.read_on()
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader(_("Output"), anchor=False, width="content")
        if seen.chunks:
            st.download_button(
                _("Download"),
                data=lambda: _whole(run.id),
                file_name=f"{run.cron_name}-{run.id}.log",
                mime="text/plain",
                icon=":material/download:",
                on_click="ignore",
                key="download",
            )
    if not seen.chunks:
        st.caption(_("Nothing yet.") if run.status in UNFINISHED else _("It printed nothing."))
        return
    _output(
        key="output of execution",
        data={
            "label": _("Output"),
            "cut": _("Earlier output is left out here; the download holds all of it.") if seen.cut else None,
            "follow": _("Follow the end"),
            "chunks": [
                {"seq": chunk.seq, "stream": chunk.stream, "text": CONTROL.sub("", chunk.content)}
                for chunk in seen.chunks
            ],
            "running": run.status in UNFINISHED,
        },
    )


def _whole(execution_id: UUID) -> bytes:
    parts: list[str] = []
    last = -1
    while True:
        chunks = executions.output_of(execution_id, after=last, limit=OUTPUT_PAGE)
        parts += [chunk.content for chunk in chunks]
        if len(chunks) < OUTPUT_PAGE:
            return "".join(parts).encode()
        last = chunks[-1].seq
