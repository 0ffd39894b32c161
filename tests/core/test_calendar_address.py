"""Addresses of the calendar feed: what opens, and what no longer does."""

from urllib.parse import unquote, urlsplit

import psycopg
import pytest

import core.settings
from core import calendar_address
from core.actors import Actor
from core.errors import Forbidden, Invalid, NotFound

ROOT = Actor("root", "admin", "cli")
ALICE = Actor("alice", "viewer", "dashboard")


def secret_of(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[-1].removesuffix(".ics")


def test_an_address_opens_its_persons_feed_and_no_other(database_url: str) -> None:
    alice, bob = (secret_of(calendar_address.give(ROOT, person).url) for person in ("alice", "bob"))
    assert alice != bob
    assert calendar_address.opens("alice", alice)
    for person, secret in (
        ("alice", bob),
        ("bob", alice),
        ("carol", alice),
        ("alice", ""),
        ("alice", "é\ud800"),
    ):
        assert not calendar_address.opens(person, secret)
    assert not calendar_address.opens("a\x00", alice)


def test_asking_again_gives_the_same_one(database_url: str, database: psycopg.Connection) -> None:
    assert calendar_address.give(ALICE, "alice") == calendar_address.give(ROOT, "alice")
    assert database.execute("SELECT kind, actor FROM cron_events").fetchall() == [
        ("calendar.address_given", "alice")
    ]


def test_a_renewed_address_ends_the_old_one(database_url: str) -> None:
    old = calendar_address.give(ALICE, "alice")
    new = calendar_address.give(ALICE, "alice", renew=True)
    assert old.url != new.url
    assert not calendar_address.opens("alice", secret_of(old.url))
    assert calendar_address.opens("alice", secret_of(new.url))


def test_a_revoked_address_opens_nothing_not_even_after_a_new_one(database_url: str) -> None:
    old = secret_of(calendar_address.give(ALICE, "alice").url)
    calendar_address.revoke(ALICE, "alice")
    assert not calendar_address.opens("alice", old)
    with pytest.raises(NotFound):
        calendar_address.revoke(ALICE, "alice")
    assert secret_of(calendar_address.give(ALICE, "alice").url) != old


def test_another_cron_secret_ends_all_addresses(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = secret_of(calendar_address.give(ALICE, "alice").url)
    monkeypatch.setenv("CRON_SECRET", "another-secret-of-the-tests-9876")
    core.settings.settings.cache_clear()
    core.settings.cron_secret.cache_clear()
    assert not calendar_address.opens("alice", old)


def test_the_database_alone_gives_no_address_away(database_url: str, database: psycopg.Connection) -> None:
    secret = secret_of(calendar_address.give(ALICE, "alice").url)
    for table in ("cron_calendar_addresses", "cron_events"):
        assert secret not in str(database.execute(f"SELECT * FROM {table}").fetchall())


def test_only_an_admin_asks_for_somebody_else(database_url: str) -> None:
    for act in (calendar_address.give, calendar_address.revoke):
        with pytest.raises(Forbidden):
            act(ALICE, "bob")


@pytest.mark.parametrize("person", ["", " ", "..", "a/b", "a\nb", "a" * 201])
def test_a_name_that_fits_no_address_is_refused(database_url: str, person: str) -> None:
    with pytest.raises(Invalid):
        calendar_address.give(ROOT, person)


def test_any_other_name_stands_in_it_as_it_is_in_an_address(database_url: str) -> None:
    person = "Zoé O'Hara <zoe@example.org>?#%"
    path = urlsplit(calendar_address.give(ROOT, person).url).path
    assert unquote(path.split("/")[3]) == person
