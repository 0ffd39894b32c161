"""See whether every text of the dashboard is there in French, as well said as in English.

The messages in pages/ are the English texts; locale/fr/LC_MESSAGES/crondesk.po holds the French
ones, and crondesk.mo beside it is what gettext reads. With --update the messages of the code are
taken into the .po and the .mo is made anew; what then has no French text is told.
"""

import argparse
import re
import sys
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "pages"
PO = ROOT / "locale" / "fr" / "LC_MESSAGES" / "crondesk.po"
MO = PO.with_suffix(".mo")
KEYWORDS = {"_": None, "marked": None, "ngettext": (1, 2)}
# What a French reader would stumble over.
TYPOGRAPHY = {
    "no no-break space before the punctuation": re.compile("[^\u202f][;!?»]|[^\u00a0]:(\\s|$)|«[^\u202f]"),
    "a straight apostrophe": re.compile("'"),
}
# Babel does not look into f-strings.
HIDDEN = re.compile(r"\{(?:_|marked|ngettext)\(")
# What Babel writes about a team that is not there.
EMPTY_HEADERS = (b'"Report-', b'"PO-Rev', b'"Last-', b'"Language-Team', b'"Generated-')
PLACEHOLDER = re.compile(r"\{[a-z_]*\}")


def main() -> int:
    """Return 0 if nothing is missing, else say what and return 1."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="take in the messages of the code")
    wanted = messages_of_the_code()
    if parser.parse_args().update:
        update(wanted)
    french = read(PO)
    problems = [*hidden(), *missing(wanted, french), *badly_said(french), *not_made(french)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print("Mend locale/fr with: python -m scripts.check_translations --update", file=sys.stderr)
        return 1
    print(f"{len(wanted)} messages, each in English and French.")
    return 0


def messages_of_the_code() -> Catalog:
    """Return the messages that pages/ marks, with where they stand."""
    found = Catalog(project="Crondesk", locale="fr", fuzzy=False, charset="utf-8")
    for place, _line, message, comments, context in extract_from_dir(
        SOURCES, keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
    ):
        # Without line numbers: they would change the file with each change of the code.
        found.add(message, locations=[(f"pages/{place}", 0)], auto_comments=comments, context=context)
    return found


def hidden() -> list[str]:
    """Say which files mark a message where it is not found."""
    files = [path for path in SOURCES.rglob("*.py") if HIDDEN.search(path.read_text(encoding="utf-8"))]
    return [f"{path.relative_to(ROOT)}: a message inside an f-string is not found" for path in files]


def update(wanted: Catalog) -> None:
    """Take the messages of the code into the .po, and make the .mo."""
    french = read(PO) if PO.exists() else Catalog(project="Crondesk", locale="fr", fuzzy=False)
    french.update(wanted, no_fuzzy_matching=True, update_creation_date=False)
    french.obsolete.clear()
    PO.parent.mkdir(parents=True, exist_ok=True)
    written = BytesIO()
    write_po(written, french, width=110, sort_output=True, include_lineno=False)
    lines = written.getvalue().splitlines(keepends=True)
    PO.write_bytes(b"".join(line for line in lines if not line.startswith(EMPTY_HEADERS)))
    MO.write_bytes(compiled(read(PO)))


def read(path: Path) -> Catalog:
    """Return the catalogue that a .po holds."""
    with path.open("rb") as file:
        return read_po(file, locale="fr", domain="crondesk")


def compiled(catalog: Catalog) -> bytes:
    """Return the .mo of a catalogue."""
    buffer = BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def missing(wanted: Catalog, french: Catalog) -> list[str]:
    """Say which messages of the code have no French text, and which texts no message."""
    known = {message.id: message for message in french if message.id}
    needed = {message.id for message in wanted if message.id}
    untranslated = [
        f"no French text for {name!r}" for name in needed if name not in known or not is_said(known[name])
    ]
    return sorted(untranslated) + sorted(
        f"no longer needed: {name!r}" for name in known if name not in needed
    )


def is_said(message: Message) -> bool:
    """Tell whether a message has all its texts, looked over by a person."""
    texts = message.string if isinstance(message.string, tuple | list) else [message.string]
    return all(texts) and not message.fuzzy


def badly_said(french: Catalog) -> list[str]:
    """Say which texts have other placeholders than their message, or typewriter punctuation."""
    problems = []
    for message in french:
        if not message.id:
            continue
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        texts = [message.string] if isinstance(message.string, str) else list(message.string or [])
        for text, said in zip(texts, ids, strict=True):
            if text and sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(said)):
                problems.append(f"other placeholders than its message: {text!r}")
            problems += [f"{told}: {text!r}" for told, wrong in TYPOGRAPHY.items() if wrong.search(text)]
    return problems


def not_made(french: Catalog) -> list[str]:
    """Say whether the .mo was made of another .po."""
    if MO.exists() and MO.read_bytes() == compiled(french):
        return []
    return ["crondesk.mo was not made of crondesk.po as it is"]


if __name__ == "__main__":
    sys.exit(main())
