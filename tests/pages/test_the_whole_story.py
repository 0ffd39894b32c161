"""From the catalogue to the output: the story of one planned run, in both languages."""

import re
from dataclasses import dataclass

import psycopg
import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Visitor

HOURS = re.compile(r"\d+\s[hdj]\s\d+\s(min|h)")
SECONDS = re.compile(r"\d+\ss")


@dataclass(frozen=True)
class Words:
    """What a visitor reads and clicks."""

    locale: str
    schedule: str
    greet: str
    shortcut: str
    verdict: str
    toast: str
    scheduled: str
    triggered: str
    execution: str
    completed: str


ENGLISH = Words(
    locale="en-US",
    schedule="Schedule",
    greet="Greet",
    shortcut="tomorrow 09:00",
    verdict="No other run of Greet is planned.",
    toast="Planned: Greet",
    scheduled="Scheduled",
    triggered="Triggered",
    execution="To its execution",
    completed="Completed",
)
FRENCH = Words(
    locale="fr-FR",
    schedule="Planifier",
    greet="Saluer",
    shortcut="demain à 09:00",
    verdict="Aucune autre exécution de Saluer n’est planifiée.",
    toast="Planifiée\u00a0: Saluer",
    scheduled="Planifications",
    triggered="Déclenchée",
    execution="Voir son exécution",
    completed="Réussie",
)


@pytest.mark.parametrize("words", [ENGLISH, FRENCH], ids=["english", "french"])
def test_a_cron_is_scheduled_counted_down_and_run_and_its_output_read(
    visit: Visitor, worker: None, database: psycopg.Connection, words: Words
) -> None:
    page = visit(locale=words.locale)
    page.get_by_role("button", name=re.compile(rf"{words.schedule}\s?: {words.greet}")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("name").fill("Ada")
    dialog.get_by_label("name").press("Tab")
    dialog.get_by_role("button", name=words.shortcut).click()
    expect(dialog.get_by_text(words.verdict)).to_be_visible()
    expect(dialog.get_by_text("09:00", exact=False).first).to_be_visible()
    dialog.get_by_role("button", name=words.schedule, exact=True).click()
    expect(page.get_by_text(words.toast)).to_be_visible()

    page.get_by_role("link", name=words.scheduled).click()
    row = page.get_by_role("row").filter(has_text="Ada")
    expect(row.locator(".countdown")).to_have_text(HOURS)

    # The time is moved, not waited for; the list takes it in by itself.
    database.execute("UPDATE scheduled_cron_executions SET scheduled_at = now() + interval '9 seconds'")
    expect(row.locator(".countdown.soon")).to_have_text(SECONDS)
    seen = row.locator(".countdown").inner_text()
    expect(row.locator(".countdown")).not_to_have_text(seen)
    expect(row).to_have_count(0)

    page.get_by_text(words.triggered, exact=True).click()
    page.get_by_role("row").filter(has_text="Ada").get_by_role("link").first.click()
    page.get_by_role("button", name=words.execution).click()
    expect(page.get_by_text(words.completed, exact=True)).to_be_visible()
    expect(page.get_by_role("log")).to_have_text("hello Ada 1\n")
