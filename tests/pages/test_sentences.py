"""Every event that can be written of a run has its sentence, in both languages."""

import re
from datetime import UTC, datetime
from gettext import translation
from typing import Any
from uuid import UUID

import pytest

from core.events import Event
from core.settings import ROOT
from pages.parts.sentences import OTHER, SENTENCES, told

KIND = re.compile(r"""['"]((?:schedules?|execution)\.[a-z_]+)['"]""")
# What an f-string makes of a verb, of one and of all.
BUILT = re.compile(r"""f["'](schedules?)\.\{""")
VERBS = ("cancelled", "moved")
INSTANT = "2030-01-31T09:00:00+00:00"
DETAILS: dict[str, Any] = {
    "scheduled_at": INSTANT,
    "from": INSTANT,
    "to": INSTANT,
    "not_before": "2031-01-01T00:00:00+00:00",
    "again_at": INSTANT,
    "old": {"name": "Ada", "times": 1},
    "new": {"name": "Bob", "times": 1, "extra": True},
    "count": 3,
    "worker": "w1",
    "attempt": 2,
    "error": "the disk is full",
}


def written_kinds() -> set[str]:
    """The kinds in the SQL and in core; names of logs are of another family."""
    sources = [*(ROOT / "migrations" / "sql").glob("*.sql"), *(ROOT / "core").rglob("*.py")]
    kinds: set[str] = set()
    for source in sources:
        text = source.read_text(encoding="utf-8")
        if source.name != "log.py":
            kinds |= set(KIND.findall(text))
            kinds |= {f"{family}.{verb}" for family in BUILT.findall(text) for verb in VERBS}
    return kinds


def event(kind: str, **details: Any) -> Event:
    at = datetime(2030, 1, 31, 9, tzinfo=UTC)
    return Event(1, at, "alice", "operator", "api", kind, UUID(int=1), None, None, "greet", details)


def test_every_kind_that_can_be_written_has_a_sentence() -> None:
    kinds = written_kinds()
    assert {"schedule.created", "execution.failed", "schedules.cancelled", "schedule.retried"} <= kinds
    assert kinds - set(SENTENCES) == set()


def test_every_kind_that_is_documented_has_a_sentence() -> None:
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    documented = re.findall(r"`((?:schedules?|execution)\.[a-z_]+)`", text)
    assert set(documented) == set(SENTENCES)


@pytest.mark.parametrize("kind", sorted(SENTENCES))
def test_a_sentence_is_filled_with_what_its_event_says(kind: str) -> None:
    sentence = told(event(kind, **DETAILS)).sentence
    assert sentence != OTHER.format(kind=kind, actor="alice")
    assert "{" not in sentence


@pytest.mark.parametrize("kind", sorted(SENTENCES))
def test_a_sentence_is_there_in_french_with_the_same_blanks(kind: str) -> None:
    english = SENTENCES[kind]
    french = translation("crondesk", ROOT / "locale", languages=["fr"]).gettext(english)
    assert french != english
    assert sorted(re.findall(r"\{\w+\}", french)) == sorted(re.findall(r"\{\w+\}", english))


def test_a_change_of_parameters_tells_what_changed() -> None:
    sentence = told(event("schedule.edited", **DETAILS)).sentence
    assert sentence == 'Parameters changed by alice: name: "Ada" → "Bob"; extra: – → true.'


def test_a_change_of_a_long_value_is_cut() -> None:
    sentence = told(event("schedule.edited", old={}, new={"text": "x" * 5000})).sentence
    assert len(sentence) < 150


def test_a_kind_of_a_later_version_is_told_by_its_name() -> None:
    assert told(event("schedule.danced")).sentence == "schedule.danced, by alice."
