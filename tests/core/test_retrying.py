"""How long an attempt waits for the next one, how many there are, and what the last one says."""

from datetime import timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalogue import ConflictRetry, Cron, Retry, parse
from core.retrying import LONGEST_SECONDS, delay_after, ruling

policies = st.builds(
    Retry,
    attempts=st.integers(1, 100),
    delay_seconds=st.floats(1, 86_400),
    backoff=st.floats(1, 10),
    jitter=st.floats(0, 1),
)
conflict_policies = st.builds(
    ConflictRetry, attempts=st.integers(1, 8), delay_seconds=st.floats(1, 86_400), backoff=st.floats(1, 10)
)


def cron(retry: Retry | None = None, retry_conflict: ConflictRetry | None = None) -> Cron:
    [made] = parse('[crons.x]\ntitle = { en = "X", fr = "X" }\ncommand = ["true"]').values()
    return made.model_copy(
        update={"retry": retry or Retry(), "retry_conflict": retry_conflict or ConflictRetry()}
    )


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [
        (Retry(), [60, 60, 60]),
        (Retry(delay_seconds=10), [10, 10, 10]),
        (Retry(delay_seconds=10, backoff=2), [10, 20, 40, 80]),
        (Retry(delay_seconds=1, backoff=1.5), [1, 1.5, 2.25]),
        (Retry(delay_seconds=3600, backoff=10), [3600, 36_000, 86_400, 86_400]),
    ],
)
def test_each_delay_is_the_one_before_times_the_backoff_and_a_day_at_most(
    policy: Retry, seconds: list[float]
) -> None:
    delays = [delay_after(tried, policy) for tried in range(1, len(seconds) + 1)]
    assert delays == [timedelta(seconds=each) for each in seconds]


def test_jitter_adds_up_to_its_share_and_differs_each_time() -> None:
    policy = Retry(delay_seconds=100, jitter=0.5)
    delays = {delay_after(1, policy).total_seconds() for _ in range(200)}
    assert len(delays) > 100
    assert 100 <= min(delays) < 110
    assert 140 < max(delays) <= 150


@given(policies, st.integers(1, 100))
def test_no_delay_is_shorter_than_the_first_or_longer_than_a_day(policy: Retry, tried: int) -> None:
    seconds = delay_after(tried, policy).total_seconds()
    exact = policy.delay_seconds * policy.backoff ** (tried - 1)
    assert min(exact, LONGEST_SECONDS) - 1e-6 <= seconds <= min(exact * 2, LONGEST_SECONDS) + 1e-6


def test_sql_waits_as_long_as_python(database: psycopg.Connection) -> None:
    @given(policies, st.integers(1, 100))
    def check(policy: Retry, tried: int) -> None:
        steady = policy.model_copy(update={"jitter": 0.0})
        [(seconds,)] = database.execute(
            "SELECT extract(epoch FROM crondesk_delay_after(%s, %s, %s, 0))::float8",
            [tried, float(policy.delay_seconds), float(policy.backoff)],
        )
        assert seconds == pytest.approx(delay_after(tried, steady).total_seconds(), abs=1e-5)

    check()
    [(least, most)] = database.execute(
        "SELECT min(extract(epoch FROM d)), max(extract(epoch FROM d)) "
        "FROM (SELECT crondesk_delay_after(1, 100, 1, 0.5) AS d FROM generate_series(1, 1000)) x"
    )
    assert 100 <= least < 105
    assert 145 < most <= 150


def lived(met: list[bool], made: Cron) -> tuple[list[bool], str]:
    """The attempts that were made of those that would go this way (conflict or not), and the last word."""
    conflicts = failures = 0
    for place, conflict in enumerate(met, 1):
        ruled = ruling(made, "e", conflict=conflict, attempt=place, conflicts=conflicts, failures=failures)
        if ruled.again_in is None:
            return met[:place], ruled.error
        conflicts += conflict
        failures += not conflict
    return met, "goes on"


@pytest.mark.parametrize(
    ("attempts", "met", "made", "error"),
    [
        (1, "f", 1, "e"),
        (3, "fff", 3, "e (attempt 3 of 3)"),
        (1, "cccccc", 5, "e (attempt 5 of 5)"),
        (1, "ccf", 3, "e (attempt 3 of 3, 2 of them conflicts)"),
        (3, "ccfff", 5, "e (attempt 5 of 5, 2 of them conflicts)"),
        (3, "fcff", 4, "e (attempt 4 of 4, 1 of them a conflict)"),
        (3, "ffccccc", 7, "e (attempt 7 of 7, 5 of them conflicts)"),
    ],
)
def test_conflicts_eat_no_retries_and_the_last_failure_says_how_many_there_were(
    attempts: int, met: str, made: int, error: str
) -> None:
    tried, last = lived([each == "c" for each in met], cron(Retry(attempts=attempts)))
    assert (len(tried), last) == (made, error)


def test_an_attempt_before_the_last_says_how_many_there_may_be() -> None:
    first = ruling(cron(Retry(attempts=3)), "e", conflict=False, attempt=1, conflicts=0, failures=0)
    assert first.error == "e (attempt 1 of 3)"


def test_an_attempt_whose_end_nobody_heard_is_counted_and_costs_no_retry() -> None:
    ruled = ruling(cron(Retry(attempts=2)), "e", conflict=False, attempt=3, conflicts=0, failures=1)
    assert (ruled.again_in, ruled.error) == (None, "e (attempt 3 of 3)")


@given(policies, conflict_policies, st.lists(st.booleans(), min_size=120, max_size=120))
def test_each_kind_has_its_own_budget_and_the_numbers_are_true(
    retry: Retry, retry_conflict: ConflictRetry, met: list[bool]
) -> None:
    tried, last = lived(met, cron(retry, retry_conflict))
    assert sum(tried) <= retry_conflict.attempts
    assert len(tried) - sum(tried) <= retry.attempts
    if last == "goes on":
        return
    own = retry_conflict.attempts if tried[-1] else retry.attempts
    assert sum(conflict == tried[-1] for conflict in tried) == own
    if len(tried) > 1:
        assert f"(attempt {len(tried)} of {len(tried)}" in last
    else:
        assert last == "e"
