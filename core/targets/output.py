"""What a run prints, on its way to the database: bounded, readable, without secrets."""

import codecs
import re
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Literal
from uuid import UUID

from core.running import Printed
from core.secrets import MASK

Stream = Literal["stdout", "stderr"]
PIECE = 65_536


class Output:
    """Collects the bytes of one execution and gives them on as text.

    Of more than `limit` bytes the first three quarters are kept as they come, and the last
    quarter at the end: an error tends to stand last. The cut is said.

    Args:
        execution_id: whose output it is.
        limit: bytes kept at most.
        secrets: texts that are masked wherever they appear.
        now: the clock.
        give: takes each piece.
    """

    def __init__(
        self,
        execution_id: UUID,
        limit: int,
        secrets: Iterable[str],
        now: Callable[[], datetime],
        give: Callable[[Printed], None],
    ) -> None:
        self._execution_id = execution_id
        self._hidden = _hidden(frozenset(secrets))
        self._now = now
        self._give = give
        self._seq = 0
        self._head_left = limit * 3 // 4
        self._tail_limit = limit - limit * 3 // 4
        self._tail: deque[tuple[Stream, datetime, str]] = deque()
        self._tail_size = 0
        self._dropped = 0
        self._decoders = {
            stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in ("stdout", "stderr")
        }
        self._held: dict[Stream, str] = {"stdout": "", "stderr": ""}

    def feed(self, stream: Stream, data: bytes) -> None:
        """Takes bytes as they came."""
        self._take(stream, self._held[stream] + self._decoders[stream].decode(data), last=False)

    def say(self, sentence: str) -> None:
        """Adds a line in the product's own voice."""
        self._put("crondesk", self._now(), sentence + "\n")

    def close(self) -> None:
        """Gives on what was held back, and says what was left out."""
        streams: tuple[Stream, Stream] = ("stdout", "stderr")
        for stream in streams:
            rest = self._held[stream] + self._decoders[stream].decode(b"", final=True)
            self._take(stream, rest, last=True)
        if self._dropped:
            self.say(f"… {self._dropped:,} bytes were left out here: the output was larger than is kept …")
        for stream, at, text in self._tail:
            self._put(stream, at, text)
        self._tail.clear()

    def _take(self, stream: Stream, text: str, *, last: bool) -> None:
        text = text.replace("\x00", "\ufffd")
        # The end of what came may be the beginning of a secret: it waits for what follows.
        held = 0 if last else self._hidden.begun(text)
        masked, self._held[stream] = self._hidden.masked(text, len(text) - held)
        for start in range(0, len(masked), PIECE):
            self._keep(stream, masked[start : start + PIECE])

    def _keep(self, stream: Stream, text: str) -> None:
        now = self._now()
        if self._head_left > 0:
            head, text = _split(text, self._head_left)
            # A character that does not fit closes the head: nothing later may stand before it.
            self._head_left = 0 if text else self._head_left - len(head.encode())
            if head:
                self._put(stream, now, head)
        if not text:
            return
        self._tail.append((stream, now, text))
        self._tail_size += len(text.encode())
        while self._tail_size > self._tail_limit:
            oldest_stream, at, oldest = self._tail.popleft()
            size = len(oldest.encode())
            over = self._tail_size - self._tail_limit
            kept = oldest.encode()[over:].decode(errors="ignore") if size > over else ""
            if kept:
                self._tail.appendleft((oldest_stream, at, kept))
            gone = size - len(kept.encode())
            self._tail_size -= gone
            self._dropped += gone

    def _put(self, stream: Literal["stdout", "stderr", "crondesk"], at: datetime, text: str) -> None:
        self._give(Printed(self._execution_id, self._seq, stream, at, text))
        self._seq += 1


class _Hidden:
    """Secrets, made ready to be looked for: once for all runs, and all of them in one pass.

    Args:
        secrets: the texts.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: of two that begin alike the longer one is masked whole.
        known = sorted(filter(None, secrets), key=len, reverse=True)
        self._whole = re.compile("|".join(map(re.escape, known)) or "(?!)")
        self._longest = max(map(len, known), default=0)
        self._by_first = {first: [one for one in known if one[0] == first] for first in {s[0] for s in known}}
        self._first = re.compile("|".join(map(re.escape, self._by_first)) or "(?!)")

    def masked(self, text: str, end: int) -> tuple[str, str]:
        """The text up to about `end` with its secrets masked, and the rest as it came."""
        parts: list[str] = []
        done = 0
        for secret in self._whole.finditer(text):
            if secret.start() >= end:
                break
            parts += [text[done : secret.start()], MASK]
            done = secret.end()
        end = max(end, done)
        return "".join([*parts, text[done:end]]), text[end:]

    def begun(self, text: str) -> int:
        """How many characters at the end of the text may be the beginning of a secret."""
        for first in self._first.finditer(text, max(0, len(text) - self._longest + 1)):
            end = text[first.start() :]
            if any(len(one) > len(end) and one.startswith(end) for one in self._by_first[first[0]]):
                return len(end)
        return 0


_hidden = lru_cache(maxsize=100)(_Hidden)


def masked(text: str, secrets: Iterable[str], *, cut: bool = False) -> str:
    """A text without the secrets in it; of one that was cut off, without the beginning of one at its end."""
    hidden = _hidden(frozenset(secrets))
    done, begun = hidden.masked(text, len(text) - (hidden.begun(text) if cut else 0))
    return done + MASK if begun else done


def _split(text: str, size: int) -> tuple[str, str]:
    """The text in two: as many whole characters as fit into so many bytes, and the rest."""
    head = text.encode()[:size].decode(errors="ignore")
    return head, text[len(head) :]
