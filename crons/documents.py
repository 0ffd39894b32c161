"""Text documents in a folder: which there are, and what they say."""

import codecs
import os
import re
import stat
from dataclasses import dataclass
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

SUFFIXES = {".txt", ".md", ".markdown", ".html", ".htm"}
TITLE_CHARACTERS = 200
HIDDEN_TAGS = {"script", "style", "template"}


@dataclass(frozen=True)
class Found:
    """A document that is there: its path inside the folder, and what tells of a change."""

    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Listing:
    """What a folder holds: documents by their path, what was passed over and why, and what
    could not be read: what is inside of that is unknown, not absent.
    """

    documents: dict[str, Found]
    left_out: list[str]
    unread: list[str]


@dataclass(frozen=True)
class Document:
    """A document that was read; a note says what a person should know of the reading."""

    title: str
    text: str
    sha256: str
    note: str | None = None


def find(folder: Path) -> Listing:
    """Every document below the folder; what has a dot before its name is hidden and passed over.

    Symbolic links are never followed: one may lead out of the folder, or round in circles.
    """
    documents: dict[str, Found] = {}
    left_out: list[str] = []
    unread: list[str] = []
    for parent, folders, names in os.walk(folder, onerror=lambda e: unread.append(_why(e))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith(".") or Path(name).suffix.lower() not in SUFFIXES:
                continue
            file = Path(parent, name)
            path = file.relative_to(folder).as_posix()
            try:
                status = file.lstat()
            except OSError as fault:
                unread.append(_why(fault))
                continue
            if not path.isprintable():  # not UTF-8, or has control characters
                left_out.append(f"{path!a}: its name cannot be shown")
            elif stat.S_ISLNK(status.st_mode):
                left_out.append(f"{path}: a symbolic link")
            elif stat.S_ISREG(status.st_mode):
                documents[path] = Found(path, status.st_size, status.st_mtime_ns)
    return Listing(documents, left_out, unread)


def read(folder: Path, path: str, max_bytes: int) -> Document:
    """Read a document's title and text.

    Raises OSError when it cannot be read, leads out of the folder by now, or is larger than
    max_bytes.
    """
    file = folder / path
    if file.resolve() != folder.resolve() / path:
        raise OSError("a symbolic link took its place")
    # Not Path.open: what took the file's place since (a link, a pipe) must not be entered.
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(f"over {max_bytes} bytes")
    text, note = _decoded(content)
    title = file.stem
    if file.suffix.lower() in {".html", ".htm"}:
        title, text, note = _from_html(text, title, note)
    elif heading := re.search(r"^#\s+(.+?)\s*#*\s*$", text, re.MULTILINE):
        title = heading[1]
    return Document(title[:TITLE_CHARACTERS], text, sha256(content).hexdigest(), note)


def _decoded(content: bytes) -> tuple[str, str | None]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").replace("\0", ""), None
    if b"\0" in content:
        return "", "is not text; only its name can be found"
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), "is not UTF-8; read as Windows-1252"


class _HtmlText(HTMLParser):
    """Collects what a browser would show."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: str | None = None
        self.title: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        if self.inside is None and (tag in HIDDEN_TAGS or tag == "title"):
            self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = None

    def handle_data(self, data: str) -> None:
        if self.inside == "title":
            self.title.append(data)
        elif self.inside is None:
            self.text.append(data)


def _from_html(markup: str, title: str, note: str | None) -> tuple[str, str, str | None]:
    parser = _HtmlText()
    try:
        parser.feed(markup)
        parser.close()
    except AssertionError:  # what html.parser says to a declaration like <![x[
        note = "has broken markup; read as far as it goes"
    found = " ".join("".join(parser.title).split())
    return found or title, " ".join(" ".join(parser.text).split()), note


def _why(fault: OSError) -> str:
    return f"{str(fault.filename).encode(errors='backslashreplace').decode()}: {fault.strerror}"
