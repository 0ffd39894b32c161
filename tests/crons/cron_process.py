"""A shipped cron, run as the worker runs it.

By the catalogue's own contract: its argv with the placeholders filled, its parameters on
standard input and in CRON_PARAMETERS, and of the secrets only those that it names.
"""

import json
import os
import re
import subprocess
import sys
import time
import tomllib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import psycopg

ROOT = Path(__file__).parents[2]
CATALOGUE: dict[str, Any] = tomllib.loads((ROOT / "crons/crons.toml").read_text())["crons"]


@dataclass
class Cron:
    """A cron of the catalogue, ready to run; `environment` stands for the worker's own."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path = ROOT

    def run(self, **parameters: Any) -> subprocess.CompletedProcess[str]:
        with self.start(**parameters) as process:
            output, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start(self, **parameters: Any) -> subprocess.Popen[str]:
        values = self._with_defaults(parameters)
        text = json.dumps(values)
        process = subprocess.Popen(
            self._argv(values),
            cwd=self.directory,
            env=self.full_environment() | {"CRON_PARAMETERS": text},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None
        return process

    def _with_defaults(self, parameters: dict[str, Any]) -> dict[str, Any]:
        schema = CATALOGUE[self.name]["parameters"]
        properties = schema.get("properties", {})
        defaults = {key: spec["default"] for key, spec in properties.items() if "default" in spec}
        values = defaults | parameters
        jsonschema.validate(values, schema)
        return values

    def _argv(self, values: dict[str, Any]) -> list[str]:
        return [
            re.sub(r"\{(\w+)\}", lambda found: str(values[found[1]]), part)
            for part in CATALOGUE[self.name]["command"]
        ]

    def full_environment(self) -> dict[str, str]:
        handed_on = CATALOGUE[self.name].get("pass_environment", [])
        secrets = {"DATABASE_URL", "CRON_SECRET"} - set(handed_on)
        inherited = {name: value for name, value in os.environ.items() if name not in secrets}
        own = {name: value for name, value in self.environment.items() if name not in secrets}
        return {
            **inherited,
            "PYTHONPATH": str(ROOT),
            "CRON_NAME": self.name,
            "CRON_EXECUTION_ID": str(uuid.uuid4()),
            "CRON_SCHEDULED_ID": str(uuid.uuid4()),
            **own,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), own.get("PATH", os.environ["PATH"])]),
        }


def last_line(text: str) -> str:
    """What a person reads last."""
    return text.strip().splitlines()[-1]


def wait_for_a_lock(database_url: str) -> None:
    """Return when some session of the server waits for a lock of another."""
    deadline = time.monotonic() + 20
    with psycopg.connect(database_url, autocommit=True) as watcher:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while watcher.execute(waiting).fetchone() == (0,):
            assert time.monotonic() < deadline
            time.sleep(0.05)
