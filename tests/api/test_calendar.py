"""The calendar feed over HTTP: read without a token, by the secret in the address."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
from icalendar import Calendar

from tests.api.caller import Caller

ADMIN = "//api/admin/calendar-feeds"


def address(api: Caller, person: str = "alice", **given: Any) -> str:
    """A person's address, on the test's own server."""
    response = api("POST", ADMIN, json={"person": person, **given})
    assert response.status_code == 201, response.text
    url: str = response.json()["feed"]["url"]
    return api.root + url[url.index("/api/calendar/") :]


def events(url: str, **query: Any) -> list[Any]:
    response = requests.get(url, params=query, timeout=60)
    assert response.status_code == 200, response.text
    return list(Calendar.from_ical(response.content).walk("VEVENT"))


def test_a_calendar_program_reads_it_by_its_address_alone(api: Caller) -> None:
    planned = api.plan(cronName="greet")
    response = requests.get(address(api), timeout=60)
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert response.headers["Cache-Control"] == "private, no-cache"
    [event] = Calendar.from_ical(response.content).walk("VEVENT")
    assert event["UID"] == f"{planned['id']}@crondesk"


def test_a_name_of_any_letters_works(api: Caller) -> None:
    assert events(address(api, "Zoé O'Hara <zoe@example.org>?#%")) == []


def test_what_did_not_change_is_not_sent_again(api: Caller) -> None:
    api.plan()
    url = address(api)
    first = requests.get(url, timeout=60)
    tag = first.headers["ETag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = requests.get(url, headers={"If-None-Match": given}, timeout=60)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    changed_at = parsedate_to_datetime(first.headers["Last-Modified"])
    assert abs(datetime.now(UTC) - changed_at) < timedelta(minutes=5)


def test_what_left_it_is_noticed_though_nothing_in_it_is_newer(api: Caller) -> None:
    planned, _ = api.plan(), api.plan()
    url = address(api)
    first = requests.get(url, timeout=60)
    assert api("DELETE", f"/schedule?id={planned['id']}").status_code == 200
    headers = {"If-None-Match": first.headers["ETag"], "If-Modified-Since": first.headers["Last-Modified"]}
    for given in (headers, {"If-Modified-Since": headers["If-Modified-Since"]}):
        again = requests.get(url, headers=given, timeout=60)
        assert again.status_code == 200
        assert len(Calendar.from_ical(again.content).walk("VEVENT")) == 1


def test_a_head_tells_the_same_without_the_content(api: Caller) -> None:
    url = address(api)
    head, got = requests.head(url, timeout=60), requests.get(url, timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == got.headers["ETag"]


def test_a_wrong_secret_an_unknown_person_and_a_renewed_address_are_the_same_404(api: Caller) -> None:
    old = address(api)
    new = address(api, renew=True)
    answers = [
        requests.get(url, timeout=60)
        for url in (
            old,
            new.replace("/alice/", "/bob/"),
            new.replace(".ics", "x.ics"),
            f"{api.root}/api/calendar/a%00b/x.ics",
            f"{api.root}/api/calendar/alice/%C3%A9.ics",
        )
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert events(new) == []


def test_it_is_narrowed_in_the_query_and_what_others_add_there_is_passed_over(api: Caller) -> None:
    api.plan(cronName="greet", createdBy="alice")
    api.plan(cronName="nothing", createdBy="bob")
    url = address(api)
    assert len(events(url, utm_source="calendar")) == 2
    assert [event["SUMMARY"] for event in events(url, mine="true")] == ["Greet"]
    assert [event["SUMMARY"] for event in events(url, cron=["nothing", "wait"], language="fr")] == [
        "Ne rien faire"
    ]


def test_giving_and_revoking_addresses_takes_the_token(api: Caller, stranger: Caller) -> None:
    assert stranger("POST", ADMIN, json={"person": "alice"}).status_code == 401
    assert stranger("DELETE", ADMIN + "?person=alice").status_code == 401
    url = address(api)
    assert address(api) == url
    revoked = api("DELETE", ADMIN + "?person=alice")
    assert revoked.json() == {"success": True, "message": "Calendar address revoked", "person": "alice"}
    assert requests.get(url, timeout=60).status_code == 404
    assert api("DELETE", ADMIN + "?person=alice").status_code == 404


@pytest.mark.parametrize("body", [{}, {"person": "a/b"}, {"person": ""}, {"person": "a", "speed": 1}])
def test_what_is_no_person_is_refused(api: Caller, body: dict[str, Any]) -> None:
    assert api("POST", ADMIN, json=body).status_code == 422
