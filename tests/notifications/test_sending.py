"""Real workers send to a real mail server and HTTP receiver: once, again after trouble, beside the firing."""

import re
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core import schedules
from core.errors import Invalid
from core.notifications import channels, outbox
from tests.notifications.conftest import ALICE, Workers, until
from tests.notifications.receivers import Mailbox, Receiver

Rule = Callable[..., UUID]
Ran = Callable[..., UUID]
DueNow = Callable[[], None]


def states() -> list[str]:
    return [notification.state for notification in outbox.find()]


def test_a_planned_run_that_fails_is_mailed(
    rule: Rule, mailbox: Mailbox, workers: Workers, database: psycopg.Connection[Any]
) -> None:
    rule(mailbox.address, "failed", language="fr", timezone="Europe/Paris")
    workers.start()
    schedules.plan(ALICE, "fail", datetime.now(UTC) + timedelta(seconds=0.5))
    until(lambda: mailbox.mails)
    mail = mailbox.mails[0]
    assert mail["Subject"].replace("\u00a0", " ") == "Échouer : échec"
    assert mail["To"] == "ops@example.org"
    body = mail.get_body(("plain", "html"))
    assert body is not None
    text = body.get_content()
    assert "Code de sortie\u00a0: 3" in text.replace("&nbsp;", "\u00a0")
    assert "(Europe/Paris)" in text
    until(lambda: states() == ["sent"])


@pytest.mark.parametrize(("status", "severity"), [("failed", "failure"), ("completed", "success")])
def test_a_message_says_how_grave_it_is_and_leads_to_its_run(
    rule: Rule, receiver: Receiver, workers: Workers, ran: Ran, status: str, severity: str
) -> None:
    rule(receiver.address, status)
    workers.start()
    execution = ran("nothing", status)
    until(lambda: receiver.posts)
    told = receiver.posts[0].body
    assert told["type"] == severity
    assert told["message"].splitlines()[-1].endswith(f"/executions?id={execution}")


def test_two_workers_send_each_notification_once(
    rule: Rule, receiver: Receiver, workers: Workers, ran: Ran, database: psycopg.Connection[Any]
) -> None:
    rule(receiver.address, "completed", "failed")
    workers.start()
    workers.start()
    for number in range(30):
        ran("nothing", "completed" if number % 2 else "failed")
    until(lambda: states().count("sent") == 30)
    time.sleep(0.5)
    keys = [post.headers["Idempotency-Key"] for post in receiver.posts]
    assert len(keys) == len(set(keys)) == 30


def test_what_a_service_that_is_down_did_not_take_is_sent_when_it_is_back(
    rule: Rule, receiver: Receiver, workers: Workers, ran: Ran, due_now: DueNow
) -> None:
    rule(receiver.address, "completed")
    receiver.down()
    workers.start()
    ran("nothing", "completed")
    until(lambda: [n.error for n in outbox.find() if n.error and n.attempts == 1])
    [waiting] = outbox.find()
    assert waiting.state == "waiting"
    assert timedelta(seconds=20) < waiting.due_at - waiting.created_at < timedelta(seconds=50)
    receiver.up()
    due_now()
    until(lambda: states() == ["sent"])
    [sent] = outbox.find()
    assert sent.attempts == 2
    assert sent.error is None


def test_a_refusal_is_tried_again_under_the_same_key(
    rule: Rule, receiver: Receiver, workers: Workers, ran: Ran, due_now: DueNow
) -> None:
    rule(receiver.address, "completed")
    receiver.status = 503
    workers.start()
    ran("nothing", "completed")
    until(lambda: [n for n in outbox.find() if n.error])
    assert "503" in str(outbox.find()[0].error)
    receiver.status = 200
    due_now()
    until(lambda: states() == ["sent"])
    assert len(receiver.posts) == 2
    assert len({post.headers["Idempotency-Key"] for post in receiver.posts}) == 1


def test_what_cannot_be_sent_for_a_day_is_given_up_and_says_why(
    rule: Rule,
    receiver: Receiver,
    workers: Workers,
    ran: Ran,
    due_now: DueNow,
    database: psycopg.Connection[Any],
) -> None:
    rule(receiver.address, "completed")
    receiver.status = 410
    ran("nothing", "completed")
    database.execute("UPDATE cron_notification_outbox SET created_at = now() - interval '25 h'")
    workers.start()
    until(lambda: states() == ["not sent"])
    assert "410" in str(outbox.find()[0].error)


def test_a_worker_killed_while_it_sends_loses_nothing(
    rule: Rule,
    receiver: Receiver,
    workers: Workers,
    ran: Ran,
    due_now: DueNow,
    database: psycopg.Connection[Any],
) -> None:
    rule(receiver.address, "completed")
    receiver.hang_seconds = 30
    first = workers.start()
    ran("nothing", "completed")
    until(lambda: receiver.posts)
    first.kill()
    first.wait()
    receiver.hang_seconds = 0
    workers.start()
    assert states() == ["waiting"]
    # Its lease ends.
    due_now()
    until(lambda: states() == ["sent"])
    assert outbox.find()[0].attempts == 2


def test_a_worker_that_comes_back_too_late_settles_nothing_of_the_next_ones(
    rule: Rule, receiver: Receiver, workers: Workers, ran: Ran, due_now: DueNow
) -> None:
    rule(receiver.address, "completed")
    receiver.hang_seconds = 30
    first = workers.start()
    ran("nothing", "completed")
    until(lambda: receiver.posts)
    first.send_signal(signal.SIGSTOP)
    receiver.hang_seconds = 0
    receiver.status = 200
    workers.start()
    due_now()
    until(lambda: states() == ["sent"])
    first.send_signal(signal.SIGCONT)
    time.sleep(5)
    assert states() == ["sent"]
    assert outbox.find()[0].attempts == 2


def test_services_that_hang_delay_neither_firings_nor_other_channels(
    rule: Rule,
    receiver: Receiver,
    mailbox: Mailbox,
    workers: Workers,
    ran: Ran,
    database: psycopg.Connection[Any],
) -> None:
    receiver.hang_seconds = 30
    for _ in range(6):
        rule(receiver.address, "completed")
    rule(mailbox.address, "failed")
    workers.start()
    for _ in range(10):
        ran("nothing", "completed")
    until(lambda: len(receiver.posts) >= 8)
    instant = datetime.now(UTC) + timedelta(seconds=1)
    schedules.plan_many(ALICE, [schedules.Plan("nothing", instant)] * 50)
    ran("fail", "failed")
    worst = (
        "SELECT max(triggered_at - scheduled_at), count(*) FROM scheduled_cron_executions "
        "WHERE status = 'triggered'"
    )
    until(lambda: database.execute(worst).fetchall()[0][1] == 50)
    assert database.execute(worst).fetchall()[0][0] < timedelta(seconds=0.5)
    until(lambda: mailbox.mails, 30)


def test_a_stopping_worker_does_not_wait_for_a_service_that_hangs(
    rule: Rule, receiver: Receiver, workers: Workers, ran: Ran
) -> None:
    rule(receiver.address, "completed")
    receiver.hang_seconds = 30
    worker = workers.start()
    ran("nothing", "completed")
    until(lambda: receiver.posts)
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert time.monotonic() - began < 10
    assert states() == ["waiting"]


def test_a_test_message_goes_the_way_of_all_others(
    database: psycopg.Connection[Any], mailbox: Mailbox, workers: Workers
) -> None:
    channel = channels.add(ALICE, "ops", mailbox.address)
    workers.start()
    channels.test(ALICE, channel.id)
    until(lambda: states() == ["sent"])
    assert mailbox.mails[0]["Subject"] == "Crondesk: a test"


@pytest.mark.parametrize(("password", "state"), [("pass-5c4d3e2f", "sent"), ("wrong-1a2b3c4d", "waiting")])
def test_a_mail_server_that_wants_a_login_by_tls_gets_it(
    database: psycopg.Connection[Any], workers: Workers, password: str, state: str
) -> None:
    box = Mailbox(login=("postmaster", "pass-5c4d3e2f"))
    box.start()
    try:
        address = (
            f"mailtos://postmaster:{password}@127.0.0.1:{box.port}"
            "?mode=starttls&verify=no&from=crondesk@example.org&to=ops@example.org"
        )
        channel = channels.add(ALICE, "ops", address)
        assert "postmaster" not in channel.shown
        workers.start()
        channels.test(ALICE, channel.id)
        until(lambda: states() == ["sent"] or outbox.find()[0].error, 20)
        [told] = outbox.find()
        assert told.state == state
        assert ("postmaster", password) in box.logins
        assert len(box.mails) == (1 if state == "sent" else 0)
        assert password not in repr(told) + workers.log
    finally:
        box.stop()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "Slack"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops", "slack://…"),
        (
            "workflows://prod-15.westeurope.logic.azure.com:443/643e69f83c8944438d68119179a10a64/"
            "KODuebWbDGYFr0z0eu-6Rj8aUKz7108W3wrNJZxFE5A",
            "workflows://",
        ),
        (
            "https://prod-15.westeurope.logic.azure.com:443/workflows/643e69f83c8944438d68119179a10a64/triggers/"
            "manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0"
            "&sig=KODuebWbDGYFr0z0eu-6Rj8aUKz7108W3wrNJZxFE5A",
            "",
        ),
    ],
    ids=["slack as it is shown there", "slack", "teams", "teams as it is shown there"],
)
def test_addresses_of_slack_and_teams_are_taken_and_shown_without_their_secrets(
    database: psycopg.Connection[Any], address: str, shown: str
) -> None:
    channel = channels.add(ALICE, "ops", address)
    assert channel.shown.startswith(shown)
    for secret in (
        "TIiajkdnlazkcOXrIdevi7FQ",
        "A1BRTD4JD",
        "643e69f83c8944438d68119179a10a64",
        "KODuebWbDGYFr0z0eu",
    ):
        assert secret not in channel.shown


EVIL = [
    "x\r\nBcc: everybody@example.org\r\n\r\nhello",
    "x\nSubject: other",
    "<img src=x onerror=alert(1)><b>x</b>",
    "\u2028\u202ex\u0085y\x07",
    "@everyone <!channel> =?utf-8?q?x?=",
]


@pytest.mark.parametrize("evil", EVIL)
def test_names_and_errors_put_nothing_into_headers_or_markup(
    rule: Rule, mailbox: Mailbox, workers: Workers, database: psycopg.Connection[Any], evil: str
) -> None:
    rule(mailbox.address, "failed")
    database.execute(
        "INSERT INTO cron_executions (cron_name, status, target, error_message) "
        "VALUES (%s, 'failed', 'noop', %s)",
        (evil, evil),
    )
    workers.start()
    until(lambda: mailbox.mails)
    [mail], [raw] = mailbox.mails, mailbox.raw
    assert mailbox.recipients == ["ops@example.org"]
    assert mail["Bcc"] is None
    assert mail["Reply-To"] is None
    assert len(mail.get_all("Subject", [])) == 1
    assert str(mail["Subject"]).endswith(": failed")
    assert not re.search(r"[\x00-\x1f\x7f\u2028\u202e\u0085]", str(mail["Subject"]))
    for part in mail.walk():
        if part.get_content_type() == "text/html":
            assert "<img" not in part.get_content()
            assert "<b>x" not in part.get_content()
    assert b"\r\nBcc:" not in raw
    assert "@everyone" not in str(mail["Subject"])


def test_secrets_are_in_no_row_no_log_and_no_error(
    rule: Rule,
    receiver: Receiver,
    workers: Workers,
    ran: Ran,
    database: psycopg.Connection[Any],
    due_now: DueNow,
) -> None:
    rule(receiver.address, "completed")
    mail = "mailtos://postmaster:pass-5c4d3e2f@127.0.0.1:9?from=a@example.org&to=ops@example.org"
    rule(mail, "completed")
    receiver.status = 401
    workers.start()
    ran("nothing", "completed")
    until(lambda: [bool(n.error) for n in outbox.find()] == [True, True], 40)
    receiver.down()
    due_now()
    until(lambda: [n.attempts for n in outbox.find() if n.channel == "channel 1"] == [2])
    time.sleep(1)
    receiver.up()
    secrets = ["pass-0fa1b2c3", "token-9d8e7f", "pass-5c4d3e2f", "reporter:", "postmaster"]
    tables = database.execute(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    ).fetchall()
    dump = "".join(
        str(database.execute(f"SELECT row_to_json(t)::text FROM {name} t".encode()).fetchall())
        for (name,) in tables
    )
    for secret in secrets:
        assert secret not in dump
        assert secret not in workers.log
        assert secret not in repr(channels.find())
        assert secret not in repr(outbox.find())
    assert channels.find()[0].shown == "json://127.0.0.1"
    assert "ops@example.org" in channels.find()[1].shown


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "https://example.org/hook",
        "dbus://",
        "syslog://",
        "windows://",
        "workflow://host:443/w/s/?template=/etc/passwd",
        "workflows://example.org:443/workflow-id/signature/?template=/etc/passwd",
        "mailto://a:b@example.org?pgppub=/etc/passwd&pgp=yes",
        "json://x\ny",
        "json://" + "x" * 3000,
    ],
)
def test_an_address_that_is_none_or_reaches_for_the_server_is_refused(
    database: psycopg.Connection[Any], address: str
) -> None:
    with pytest.raises(Invalid, match=r"^address: ") as told:
        channels.add(ALICE, "ops", address)
    assert "passwd" not in str(told.value)


def test_another_cron_secret_cannot_read_an_address(
    rule: Rule, receiver: Receiver, workers: Workers, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(receiver.address, "completed")
    monkeypatch.setenv("CRON_SECRET", "another-secret-of-the-tests")
    workers.start()
    ran("nothing", "completed")
    until(lambda: [n for n in outbox.find() if n.error])
    assert "another CRON_SECRET" in str(outbox.find()[0].error)
    assert receiver.posts == []
