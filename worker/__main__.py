"""`python -m worker`: fires what is due until it is told to stop."""

import asyncio
import signal
import sys

from core import collector, log
from core.database import migrated
from core.errors import Invalid, Unavailable
from core.settings import cron_secret, settings
from worker.process import Process


async def _work() -> None:
    await Process().run()


def main() -> int:
    """Runs a worker; returns its exit code."""
    # Until the loop listens to it: there is nothing yet to be finished.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        settings()
        cron_secret()
        log.configure()
        if not migrated():
            sys.stderr.write("The database is not at this version: run 'alembic upgrade head'.\n")
            return 3
    except Invalid as error:
        sys.stderr.write(error.message + "\n")
        return 2
    except Unavailable:
        log.logger().warning("database.away")
    collector.spare_what_is_loaded()
    if sys.platform == "win32":
        asyncio.run(_work())
    else:
        import uvloop  # noqa: PLC0415

        uvloop.run(_work())
    return 0


if __name__ == "__main__":
    sys.exit(main())
