"""Check that a web address answers as it should, and quickly enough."""

import time
from statistics import median
from typing import Literal
from urllib.parse import urlsplit

import requests

from crons.parameters import Parameters, from_stdin

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
REASON_CHARACTERS = 200


class EndpointParameters(Parameters):
    """What to ask, how often, and what counts as well."""

    url: str = "http://127.0.0.1:8501/healthz"
    method: Literal["GET", "HEAD"] = "GET"
    expected_status: int = 200
    max_latency_ms: int = 2000
    attempts: int = 3
    allowed_failures: int = 0
    pause_ms: int = 500
    follow_redirects: bool = False


class AttemptError(Exception):
    """Why one attempt did not meet what is expected, as the end of a sentence."""


def main() -> None:
    """Make every attempt, print each, and fail when more of them failed than is allowed."""
    parameters = from_stdin(EndpointParameters)
    address = urlsplit(parameters.url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise SystemExit(f"Only http and https addresses can be checked, not {parameters.url!r}.")
    print(
        f"{parameters.method} {parameters.url}: expecting {parameters.expected_status} "
        f"within {parameters.max_latency_ms} ms"
    )

    latencies_ms: list[float] = []
    with requests.Session() as session:
        # A proxy for the outside world cannot reach this machine's own loopback.
        session.trust_env = address.hostname not in LOOPBACK
        for attempt in range(1, parameters.attempts + 1):
            if attempt > 1:
                time.sleep(parameters.pause_ms / 1000)
            try:
                latencies_ms.append(_latency_ms(session, parameters))
                print(f"Attempt {attempt}: {parameters.expected_status}, {latencies_ms[-1]:.0f} ms")
            except AttemptError as fault:
                print(f"Attempt {attempt}: failed: {fault}")
                last_fault = fault

    _print_summary(latencies_ms, parameters.attempts)
    failures = parameters.attempts - len(latencies_ms)
    if failures > parameters.allowed_failures:
        raise SystemExit(
            f"{failures} of {parameters.attempts} attempts failed "
            f"({parameters.allowed_failures} allowed), the last because of {last_fault}."
        )


def _latency_ms(session: requests.Session, wanted: EndpointParameters) -> float:
    """How long the answer's headers took, redirects included; the body is not waited for.

    Raises AttemptError when there is none in time, or another one than wanted.
    """
    limit_seconds = wanted.max_latency_ms / 1000
    started = time.perf_counter()
    try:
        with session.request(
            wanted.method,
            wanted.url,
            timeout=limit_seconds,
            allow_redirects=wanted.follow_redirects,
            stream=True,
        ) as answer:
            latency_ms = (time.perf_counter() - started) * 1000
    except requests.Timeout:
        raise AttemptError(f"no answer within {wanted.max_latency_ms} ms") from None
    except requests.RequestException as fault:
        raise AttemptError(_root_reason(fault)) from None
    if answer.status_code != wanted.expected_status:
        raise AttemptError(f"status {answer.status_code}, {latency_ms:.0f} ms{_target(answer)}")
    if latency_ms > wanted.max_latency_ms:  # requests times each wait, not their sum
        raise AttemptError(f"an answer after {latency_ms:.0f} ms")
    return latency_ms


def _root_reason(fault: BaseException) -> str:
    """The system's own words ('Connection refused') from under the libraries' wrapping."""
    while cause := fault.__cause__ or fault.__context__:
        fault = cause
    words = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
    # It may quote what the other side sent.
    one_line = "".join(c if c.isprintable() else " " for c in words).strip(" .")
    return one_line[:REASON_CHARACTERS]


def _target(answer: requests.Response) -> str:
    location = answer.headers.get("Location")
    return f", which redirects to {location!r}" if answer.is_redirect and location else ""


def _print_summary(latencies_ms: list[float], attempts: int) -> None:
    print(f"{len(latencies_ms)} of {attempts} attempts succeeded", end="")
    if latencies_ms:
        print(
            f"; latency {min(latencies_ms):.0f} to {max(latencies_ms):.0f} ms, "
            f"median {median(latencies_ms):.0f} ms",
            end="",
        )
    print()


if __name__ == "__main__":
    main()
