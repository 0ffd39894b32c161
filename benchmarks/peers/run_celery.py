"""Celery on Redis: `celery -A run_celery worker` works, `run_celery.py plan FILE` plans."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import recording
from celery import Celery
from celery.signals import worker_process_init, worker_ready

app = Celery("run_celery", broker=os.environ["BENCH_URL"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, timezone="UTC")


@app.task(name="late")
def late(due: float) -> None:
    """The job."""
    recording.ran(due)


@worker_process_init.connect
def _begin(**_: object) -> None:
    recording.begin()


@worker_ready.connect
def _begin_in_threads(**_: object) -> None:
    recording.begin()


if __name__ == "__main__":
    for instant in json.loads(Path(sys.argv[2]).read_text(encoding="ascii")):
        late.apply_async(args=[instant], eta=datetime.fromtimestamp(instant, UTC))
