"""The file on disk: read again when it changes, and the last good one stays in force."""

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from core import secrets
from core.catalogue.entries import Catalogue, Cron
from core.catalogue.parsing import CatalogueError, parse
from core.parameters import Parameters, Unreadable
from core.settings import settings


class CatalogueFile:
    """A catalogue on disk, read again when it changes.

    A file with a mistake takes nothing down: the last good one stays in force, over a restart
    too, for which it is kept beside the other data.

    Args:
        path: the file people edit.
        last_good: where the last good text is kept.
    """

    def __init__(self, path: Path, last_good: Path) -> None:
        self._path = path
        self._last_good = last_good
        self._seen: tuple[int, int] | None = None
        self._current: Catalogue | None = None
        self._lock = threading.Lock()

    def current(self) -> Catalogue:
        """The catalogue in force, with what is wrong with the file as it stands now."""
        with self._lock:
            try:
                stat = self._path.stat()
                stamp = (stat.st_mtime_ns, stat.st_size)
                if self._current is None or stamp != self._seen:
                    text = self._path.read_text(encoding="utf-8")
                    self._current = Catalogue(self._unless_emptied(parse(text)))
                    self._seen = stamp
                    with suppress(OSError):  # a full disk must not take down what works
                        self._keep(text)
            except CatalogueError as error:
                self._seen = stamp
                self._current = Catalogue(self._previous(), tuple(error.problems))
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
                self._seen = None
                self._current = Catalogue(self._previous(), (f"{self._path.name}: {reason}",))
            return self._current

    def _unless_emptied(self, crons: dict[str, Cron]) -> dict[str, Cron]:
        # Half a file is TOML, too: an editor that is just saving is not to take all crons away.
        if not crons and self._previous():
            raise CatalogueError([f"{self._path.name}: has no cron; those in force stay until it has one"])
        return crons

    def _previous(self) -> Mapping[str, Cron]:
        if self._current is not None:
            return self._current.crons
        try:
            return parse(self._last_good.read_text(encoding="utf-8"))
        except (OSError, CatalogueError):
            return {}

    def _keep(self, text: str) -> None:
        self._last_good.parent.mkdir(parents=True, exist_ok=True)
        draft = self._last_good.with_name(f"{self._last_good.name}.{os.getpid()}")
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # Before the name: after a power cut there would be a name with nothing behind it.
            os.fsync(file.fileno())
        draft.replace(self._last_good)


@cache
def _file() -> CatalogueFile:
    return CatalogueFile(settings().crons_file, settings().data_dir / "crons.last-good.toml")


def catalogue() -> Catalogue:
    """The catalogue that CRONS_FILE names, as it is in force now."""
    return _file().current()


def shown(cron_name: str, parameters: Parameters) -> Parameters:
    """Parameters of a cron as people may see them: what its schema calls a secret is masked."""
    cron = catalogue().crons.get(cron_name) if parameters else None
    if cron is None or not cron.secrets or isinstance(parameters, Unreadable):
        return parameters
    return secrets.masked(parameters, cron.parameters)  # type: ignore[no-any-return]
