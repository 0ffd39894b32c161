"""check-endpoint: says what it measured, and fails when that is not what was expected."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.crons.cron_process import Cron, last_line

QUICK = {"attempts": 2, "pauseMs": 0}


class Endpoint(BaseHTTPRequestHandler):
    """/status/N answers N; /slow after a while; /flaky fails every other time; /endless goes on."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.command)
        if self.path == "/slow":
            time.sleep(0.6)
        status = int(self.path.split("/")[2]) if self.path.startswith("/status/") else 200
        if self.path == "/flaky" and len(self.seen) % 2 == 0:
            status = 503
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/ok")
        self.end_headers()
        if self.path == "/endless":
            while True:
                self.wfile.write(b"x" * 1000)
                time.sleep(0.01)

    def do_HEAD(self) -> None:
        self.do_GET()

    def handle(self) -> None:
        with suppress(ConnectionError):  # the caller has heard enough
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def endpoint(seen: list[str]) -> Iterator[str]:
    handler = type("RecordingEndpoint", (Endpoint,), {"seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@pytest.fixture
def check() -> Cron:
    return Cron("check-endpoint")


def test_a_healthy_endpoint_passes_and_each_attempt_is_printed(check: Cron, endpoint: str) -> None:
    done = check.run(url=f"{endpoint}/ok", attempts=3, pauseMs=0)

    assert done.returncode == 0, done.stderr
    assert [line[:10] for line in done.stdout.splitlines()[1:4]] == [
        "Attempt 1:",
        "Attempt 2:",
        "Attempt 3:",
    ]
    assert "3 of 3 attempts succeeded; latency" in last_line(done.stdout)


def test_head_is_asked_when_wanted(check: Cron, endpoint: str, seen: list[str]) -> None:
    check.run(url=f"{endpoint}/ok", method="HEAD", **QUICK)

    assert seen == ["HEAD", "HEAD"]


def test_a_wrong_status_fails(check: Cron, endpoint: str) -> None:
    done = check.run(url=f"{endpoint}/status/500", **QUICK)

    assert done.returncode == 1
    assert "2 of 2 attempts failed" in last_line(done.stderr)
    assert "status 500" in last_line(done.stderr)


def test_another_status_than_200_can_be_the_right_one(check: Cron, endpoint: str) -> None:
    assert check.run(url=f"{endpoint}/status/404", expectedStatus=404, **QUICK).returncode == 0


def test_a_slow_endpoint_fails(check: Cron, endpoint: str) -> None:
    done = check.run(url=f"{endpoint}/slow", maxLatencyMs=200, attempts=1)

    assert done.returncode == 1
    assert "no answer within 200 ms" in last_line(done.stderr)


def test_an_endpoint_that_is_down_fails_in_the_systems_own_words(check: Cron, closed_port: int) -> None:
    done = check.run(url=f"http://127.0.0.1:{closed_port}/", **QUICK)

    assert done.returncode == 1
    assert last_line(done.stderr).endswith("because of Connection refused.")


def test_a_host_that_does_not_exist_fails(check: Cron) -> None:
    done = check.run(url="http://nowhere.invalid/", **QUICK)

    assert done.returncode == 1
    assert "2 of 2 attempts failed" in last_line(done.stderr)


def test_as_many_failures_as_allowed_still_pass(check: Cron, endpoint: str) -> None:
    url = f"{endpoint}/flaky"

    assert check.run(url=url, attempts=4, allowedFailures=2, pauseMs=0).returncode == 0
    assert check.run(url=url, attempts=4, allowedFailures=1, pauseMs=0).returncode == 1


def test_a_redirect_is_an_answer_unless_it_is_to_be_followed(check: Cron, endpoint: str) -> None:
    url = f"{endpoint}/status/302"

    stayed = check.run(url=url, **QUICK)
    assert stayed.returncode == 1
    assert "redirects to '/ok'" in last_line(stayed.stderr)
    assert check.run(url=url, expectedStatus=302, **QUICK).returncode == 0
    assert check.run(url=url, followRedirects=True, **QUICK).returncode == 0


def test_a_body_without_end_is_not_waited_for(check: Cron, endpoint: str) -> None:
    assert check.run(url=f"{endpoint}/endless", **QUICK).returncode == 0


def test_a_server_that_does_not_speak_http_fails(check: Cron) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail ready\r\n")

        threading.Thread(target=answer, daemon=True).start()
        done = check.run(url=f"http://127.0.0.1:{port}/", attempts=1)

    assert done.returncode == 1
    assert last_line(done.stderr).endswith("because of 220 mail ready.")


def test_plain_http_behind_https_fails(check: Cron, endpoint: str) -> None:
    done = check.run(url=endpoint.replace("http:", "https:"), attempts=1)

    assert done.returncode == 1
    assert "1 of 1 attempts failed" in last_line(done.stderr)


def test_this_machine_is_never_asked_by_way_of_a_proxy(check: Cron, endpoint: str, closed_port: int) -> None:
    check.environment["HTTP_PROXY"] = check.environment["http_proxy"] = f"http://127.0.0.1:{closed_port}"

    assert check.run(url=f"{endpoint}/ok", **QUICK).returncode == 0
