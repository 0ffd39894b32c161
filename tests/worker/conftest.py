"""One house for a module: its database, its catalogue, its target, and the workers a test starts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.catalogue import catalogue as catalogue_in_force
from core.settings import Settings
from tests.conftest import _forget, _made
from tests.worker.house import House
from tests.worker.target_server import TargetServer
from tests.worker.worker_process import WorkerProcess

SECRET = "the-secret-of-these-tests-4711"
CATALOGUE = Path(__file__).with_name("crons.toml")


@pytest.fixture(scope="session")
def target() -> Iterator[TargetServer]:
    """An HTTP target, recording."""
    server = TargetServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def make_house(
    tmp_path_factory: pytest.TempPathFactory, target: TargetServer
) -> Iterator[Callable[[str], House]]:
    """Makes a house on a database; the settings of this process are its own from then on."""
    with pytest.MonkeyPatch.context() as patch:
        houses: list[House] = []

        def make(url: str) -> House:
            directory = tmp_path_factory.mktemp("house")
            catalogue = directory / "crons.toml"
            text = CATALOGUE.read_text().replace("TLS_TARGET", target.tls_url)
            catalogue.write_text(text.replace("TARGET", target.url))
            for name in Settings.model_fields:
                patch.delenv(name.upper(), raising=False)
            for name, value in {
                "DATABASE_URL": url,
                "DATA_DIR": directory / "data",
                "CRONS_FILE": catalogue,
                "CRON_SECRET": SECRET,
                "GRACE_SECONDS": 2,
                "LEASE_SECONDS": 4,
                "HTTP_TIMEOUT_SECONDS": 2,
                "MAX_RUNNING": 8,
                "OUTPUT_LIMIT_BYTES": 100_000,
            }.items():
                patch.setenv(name, str(value))
            patch.setitem(Settings.model_config, "env_file", None)
            _forget()
            assert not catalogue_in_force().problems
            houses.append(House(url, directory, target))
            return houses[-1]

        yield make
        for house in houses:
            house.close()
    _forget()


@pytest.fixture(scope="module")
def house(
    database_server: str, template_database: str, make_house: Callable[[str], House]
) -> Iterator[House]:
    """A house on a fresh migrated database, without a worker."""
    with _made(database_server, template_database) as url:
        made = make_house(url)
        made.plan("nothing", seconds=3600)  # the first plan of a process takes longer than the others
        made.rows("DELETE FROM scheduled_cron_executions")
        yield made
        made.close()


@pytest.fixture(scope="module")
def worker(house: House) -> WorkerProcess:
    """A live worker that the tests of a module share."""
    return house.start_worker()
