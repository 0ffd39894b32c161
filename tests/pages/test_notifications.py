"""The page of notifications: channels, rules, and what was told."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from core.actors import Actor
from core.notifications import channels, outbox, rules
from tests.notifications.receivers import Receiver
from tests.pages.conftest import Visitor
from tests.pages.test_accessibility import serious

ALICE = Actor("alice", "operator", "dashboard")
SECRETS = re.compile("pass-0fa1b2c3|token-9d8e7f|reporter")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.down()


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text)


def test_a_channel_is_added_tested_and_its_secrets_are_never_seen_again(
    visit: Visitor, database: psycopg.Connection, worker: None, receiver: Receiver
) -> None:
    page = visit("notifications?view=channels")
    page.get_by_role("button", name="Add a channel").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("On call")
    dialog.get_by_label("Address").fill(receiver.address)
    dialog.get_by_label("Address").press("Tab")
    dialog.get_by_role("button", name="Save").click()
    expect(row(page, "On call")).to_contain_text("json://127.0.0.1")
    row(page, "On call").get_by_role("button", name="Send a test").click()
    page.get_by_text("Sent and waiting", exact=True).click()
    expect(row(page, "Test")).to_contain_text("Sent")
    assert len(receiver.posts) == 1
    receiver.status = 500
    channels.test(ALICE, channels.find()[0].id)
    expect(row(page, "Waiting")).to_contain_text("500")
    for view in ("channels", "rules", "told"):
        shown = visit(f"notifications?view={view}")
        expect(shown.get_by_role("heading", level=1)).to_have_text("Notifications")
        assert not SECRETS.search(shown.content())
    assert not SECRETS.search(page.content())


@pytest.mark.release
def test_an_address_that_is_none_is_told_in_the_dialog(visit: Visitor, database: psycopg.Connection) -> None:
    page = visit("notifications?view=channels", locale="fr-FR")
    page.get_by_role("button", name="Ajouter un canal").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Nom").fill("Astreinte")
    dialog.get_by_label("Adresse").fill("nonsense")
    dialog.get_by_label("Adresse").press("Tab")
    dialog.get_by_role("button", name="Enregistrer").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Ce n’est pas une URL Apprise.")
    assert channels.find() == []


@pytest.mark.release
def test_a_rule_is_added_changed_and_removed(visit: Visitor, database: psycopg.Connection) -> None:
    channels.add(ALICE, "On call", "json://example.org/")
    page = visit("notifications?view=rules")
    page.get_by_role("button", name="Add a rule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("From how many failures in a row").fill("3")
    dialog.get_by_label("From how many failures in a row").press("Tab")
    dialog.get_by_role("button", name="Save").click()
    expect(row(page, "Failure, Works again")).to_contain_text("from 3 failures in a row on")
    [rule] = rules.find()
    assert (rule.after_failures, rule.timezone, rule.language) == (3, "Europe/Paris", "en")
    row(page, "Failure").get_by_role("button", name="Change").click()
    dialog.get_by_text("Switched on").click()
    dialog.get_by_role("button", name="Save").click()
    expect(row(page, "Failure")).to_contain_text("switched off")
    row(page, "Failure").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("There is no rule, so nobody is told anything.")).to_be_visible()
    assert rules.find() == []


@pytest.mark.release
def test_removing_a_channel_is_asked_about(visit: Visitor, database: psycopg.Connection) -> None:
    channel = channels.add(ALICE, "On call", "json://example.org/")
    rules.add(ALICE, rules.Wish(channel.id, ["failed"]))
    page = visit("notifications?view=channels")
    row(page, "On call").get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("There is no channel.")).to_be_visible()
    assert rules.find() == []
    assert outbox.find() == []


@pytest.mark.release
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_on_the_page_keeps_people_out(
    visit: Visitor, database: psycopg.Connection, dark: bool, width: int
) -> None:
    channel = channels.add(ALICE, "On call", "mailto://user:secret@mail.example.org?to=ops@example.org")
    rules.add(ALICE, rules.Wish(channel.id, ["failed", "reminder"], cron_name="greet", after_failures=3))
    for state in ("sent_at", "given_up_at", "acted_at"):
        database.execute(
            "INSERT INTO cron_notification_outbox "
            f"(channel_id, kind, happening, cron_name, attempts, error, {state}) "
            "VALUES (%s, 'failed', gen_random_uuid(), 'greet', 1, 'no answer', now())".encode(),
            (channel.id,),
        )
    for view in ("told", "rules", "channels"):
        page = visit(f"notifications?view={view}", dark=dark, width=width)
        page.locator(".root").first.wait_for()
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        assert serious(page) == [], view
    page = visit("notifications?view=rules", dark=dark, width=width)
    page.get_by_role("button", name="Add a rule").click()
    page.get_by_role("dialog").get_by_role("button", name="Save").wait_for()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    assert serious(page) == []
