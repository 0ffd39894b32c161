"""Settings: read once, checked where they enter, and an error names the variable."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.database import sqlalchemy_url
from core.errors import Invalid
from core.settings import Settings, cron_secret, settings

pytestmark = pytest.mark.usefixtures("environment")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "seventy"),
        ("DATABASE_URL", "mysql://somewhere/else"),
        ("CRON_SECRET", "too short"),
        ("CRON_SECRET", " a long one with blanks around it "),
        ("CRON_SECRET", "sésame-ouvre-toi-sésame"),
        ("LEASE_SECONDS", "nan"),
        ("LEASE_SECONDS", "30"),
        ("RETENTION_DAYS", "1e300"),
        ("MAX_RUNNING", "0"),
        ("OUTPUT_LIMIT_BYTES", "1"),
        ("LOG_LEVEL", "loud"),
        ("LOST_AFTER_SECONDS", "0"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    settings.cache_clear()
    with pytest.raises(Invalid, match=name) as caught:
        settings()
    assert value == "30" or value not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:open-sesame@one:5432,two:5433/name",
        "postgresql://me:open-sesame@one:port/name",
        "postgresql://me:open-sesame@one:99999/name",
        "postgresql://me:open-sesame%zz@one/name",
        "postgresql://me:1/open-sesame@one/name",
        "postgresql://me:open#sesame@1/open-sesame@one/name",
        "postgresql://me:open-sesame@[::1/name",
        "postgresql://me@one/name?password=open-sesame&nothing=known",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    with pytest.raises(Invalid, match="DATABASE_URL: must be") as caught:
        settings()
    assert "sesame" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p%40ss%2Fword@one:5433/name",
        "postgresql://me:secret@one,two/name",
        "postgresql://me:secret@/name?host=one,two&port=5432,5433&target_session_attrs=read-write",
        "postgres://me:secret@[::1]:5432/name?sslmode=require",
        "postgresql://postgres:@/postgres?host=/tmp/somewhere",
        "postgresql:///name",
    ],
)
def test_the_usual_forms_of_an_address_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    assert sqlalchemy_url().startswith("postgresql+psycopg://")


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    settings.cache_clear()
    assert settings().port == Settings.model_fields["port"].default


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8600"),
        ("0.0.0.0", "http://127.0.0.1:8600"),
        ("::", "http://[::1]:8600"),
        ("::1", "http://[::1]:8600"),
        ("2001:db8::7", "http://[2001:db8::7]:8600"),
        ("crondesk.example.org", "http://crondesk.example.org:8600"),
    ],
)
def test_links_begin_with_an_address_that_can_be_followed(
    monkeypatch: pytest.MonkeyPatch, host: str, address: str
) -> None:
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", "8600")
    settings.cache_clear()
    assert settings().public_address == address


def test_a_missing_secret_is_made_once_and_only_its_owner_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRON_SECRET")
    settings.cache_clear()

    def read(_: int) -> str:
        return cron_secret.__wrapped__()

    with ThreadPoolExecutor(8) as pool:
        [secret] = set(pool.map(read, range(8)))
    assert len(secret) >= 32
    directory: Path = settings().data_dir
    assert stat.S_IMODE((directory / "cron_secret").stat().st_mode) == 0o600
    assert [path.name for path in directory.iterdir()] == ["cron_secret"]
    assert read(0) == secret


@pytest.mark.parametrize("left", ["", "\n", "short", "sésame-ouvre-toi-sésame"])
def test_a_secret_file_that_is_no_secret_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    monkeypatch.delenv("CRON_SECRET")
    settings.cache_clear()
    path = settings().data_dir / "cron_secret"
    path.parent.mkdir()
    path.write_text(left, encoding="utf-8")
    with pytest.raises(Invalid, match="delete the file") as caught:
        cron_secret()
    assert str(path) in caught.value.message
    assert not left.strip() or left not in caught.value.message


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:open-sesame@somewhere/else")
    settings.cache_clear()
    assert "open-sesame" not in repr(settings())
    assert "secret-of" not in repr(settings())
