"""The peers: their environment, and how each is installed, filled, set to work and read."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.measuring import Broken, wait_until
from benchmarks.product import end
from benchmarks.server import WORK, Server

PROGRAMS = Path(__file__).parent
HOME = PROGRAMS.parent / ".peers"
REQUIREMENTS = PROGRAMS.parent / "requirements-peers.txt"
RECORD = WORK / "record"
REDIS_PORT = 18479


class Missing(Exception):
    """A peer cannot be had on this machine; the message says why in one line."""


@dataclass(frozen=True)
class Peer:
    """A peer with one choice of settings.

    Attributes:
        settings: what its worker is told.
        told: the same for the reader.
        due: SQL that puts {count} jobs into its store whose instant has come.
        future: the same for days to come.
        left: SQL that counts what is due and not done.
        kept: SQL that has it keep a row of each job that it has done, where it does not of itself.
    """

    name: str
    package: str
    program: str
    settings: dict[str, Any]
    told: str
    due: str = ""
    future: str = ""
    left: str = ""
    kept: str = ""

    @property
    def on_node(self) -> bool:
        """Whether it runs on Node."""
        return self.program.endswith(".mjs")


DUE = "now() - interval '1 minute'"
FUTURE = "now() + interval '1 day' + g * interval '1 second'"
_PGQUEUER = """
ALTER TABLE pgqueuer DISABLE TRIGGER USER;
INSERT INTO pgqueuer
    (priority, queue_manager_id, created, updated, heartbeat, execute_after, status, entrypoint, payload)
SELECT 0, NULL, now(), now(), now(), {instant}, 'queued', '{job}', NULL FROM generate_series(1, {count}) g;
ALTER TABLE pgqueuer ENABLE TRIGGER USER;
"""
_GRAPHILE = """
INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('noop') ON CONFLICT DO NOTHING;
INSERT INTO graphile_worker._private_jobs (task_id, payload, run_at)
SELECT (SELECT id FROM graphile_worker._private_tasks WHERE identifier = 'noop'), '{{}}', {instant}
FROM generate_series(1, {count}) g;
"""


def pgqueuer(told: str, job: str = "noop", **settings: Any) -> Peer:
    """pgqueuer with these settings."""
    fill = _PGQUEUER.replace("{job}", job)
    return Peer(
        "pgqueuer",
        "pgqueuer",
        "run_pgqueuer.py",
        settings,
        told,
        due=fill.replace("{instant}", DUE),
        future=fill.replace("{instant}", FUTURE),
        left="SELECT count(*) FROM pgqueuer WHERE execute_after < now()",
    )


def graphile(told: str, **settings: Any) -> Peer:
    """graphile-worker with these settings."""
    return Peer(
        "graphile-worker",
        "graphile-worker",
        "run_graphile.mjs",
        settings,
        told,
        due=_GRAPHILE.replace("{instant}", DUE),
        future=_GRAPHILE.replace("{instant}", FUTURE),
        left="SELECT count(*) FROM graphile_worker._private_jobs WHERE run_at < now()",
    )


PGQUEUER_FAST = pgqueuer("tuned: batches of 1000, uvloop", batch=1000, uvloop=True)
PGQUEUER_PUNCTUAL = pgqueuer(
    "tuned: batches of 500, uvloop, polls every 5 ms", batch=500, uvloop=True, timeout=0.02, poll=0.005
)
PGQUEUER_POSTING = pgqueuer(
    "tuned: batches of 1000, uvloop; the job POSTs with aiohttp, 128 connections",
    job="post", batch=1000, uvloop=True, connections=128,
)  # fmt: skip
GRAPHILE_FAST = graphile(
    "tuned: local queue of 500, batched completion, 24 at once",
    concurrency=24,
    pollInterval=100,
    localQueue=500,
)
# As little as tells of a run: what ran when, found by the job and by the task; written a batch at a time.
GRAPHILE_KEEPING = replace(
    GRAPHILE_FAST,
    told=GRAPHILE_FAST.told + "; a trigger keeps a row of each job",
    kept="""
    CREATE TABLE runs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job_id bigint NOT NULL UNIQUE,
        task_id int NOT NULL, payload json NOT NULL,
        run_at timestamptz NOT NULL, done_at timestamptz NOT NULL);
    CREATE INDEX ON runs (task_id, id);
    CREATE FUNCTION keep_runs() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO runs (job_id, task_id, payload, run_at, done_at)
        SELECT id, task_id, payload, run_at, clock_timestamp() FROM gone;
        RETURN NULL;
    END $$;
    CREATE TRIGGER keep_runs AFTER DELETE ON graphile_worker._private_jobs
        REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION keep_runs();
    """,
)
GRAPHILE_PUNCTUAL = graphile("tuned: polls every 5 ms, 24 at once", concurrency=24, pollInterval=5)
PROCRASTINATE_PUNCTUAL = Peer(
    "procrastinate", "procrastinate", "run_procrastinate.py", {"concurrency": 20, "poll": 0.05},
    "tuned: polls every 50 ms, 20 at once",
)  # fmt: skip
CELERY = Peer("Celery + Redis", "celery", "run_celery.py", {}, "default (prefork), no fsync per job")


class Peers:
    """The peers as far as they can be had on this machine.

    Args:
        server: the PostgreSQL they share with the product.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._python = _python_environment()
        self._node: Path | None = None
        self._why_no_node = ""
        try:
            self._node = _node_environment()
        except Missing as missing:
            self._why_no_node = str(missing)

    def version(self, peer: Peer) -> str:
        """Its version, as installed."""
        if peer.on_node:
            assert self._node is not None
            package = self._node / "node_modules" / peer.package / "package.json"
            return str(json.loads(package.read_text(encoding="utf-8"))["version"])
        code = f"import importlib.metadata as m; print(m.version('{peer.package}'))"
        return subprocess.check_output([self._python, "-c", code], text=True).strip()

    def label(self, peer: Peer) -> str:
        """Its name and version."""
        return f"{peer.name} {self.version(peer)}"

    def require(self, peer: Peer) -> None:
        """Lets a peer pass that can be had here.

        Raises:
            Missing: it cannot.
        """
        if peer.on_node and self._node is None:
            raise Missing(f"{peer.name} was left out: {self._why_no_node}")
        if peer is CELERY and shutil.which("redis-server") is None:
            raise Missing(f"{peer.name} was left out: there is no redis-server on this machine")

    def fresh(self, peer: Peer) -> str:
        """A database with the peer's empty tables; returns its address."""
        url = self._server.fresh(f"peer_{peer.package.replace('-', '_')}")
        self.run(peer, url, "install")
        if peer.kept:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(peer.kept.encode())
        return url

    def fill(self, url: str, statements: str, count: int) -> None:
        """Puts jobs into a peer's store."""
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements.format(count=count).strip().split(";\n"):
                if statement.strip():
                    connection.execute(statement.rstrip(";").encode())

    def tidy(self, url: str) -> None:
        """Brings its tables into the state that autovacuum keeps them in."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def run(self, peer: Peer, url: str, action: str, argument: str = "") -> str:
        """Runs one action to its end; returns what it printed."""
        ended = subprocess.run(
            [*self._program(peer), action, argument],
            env=self._environment(peer, url), cwd=PROGRAMS, capture_output=True, text=True,
        )  # fmt: skip
        if ended.returncode:
            raise Broken(f"{peer.name} {action} failed:\n{ended.stderr[-3000:]}")
        return ended.stdout

    @contextlib.contextmanager
    def workers(self, peer: Peer, url: str, count: int = 1) -> Iterator[None]:
        """That many of the peer's worker processes, for the length of the block."""
        RECORD.mkdir(parents=True, exist_ok=True)
        for old in RECORD.glob(f"{peer.package}.*"):
            old.unlink()
        if peer is CELERY:
            command = [str(Path(self._python).parent / "celery"), "-A", "run_celery", "worker", "-l", "ERROR"]
        else:
            command = [*self._program(peer), "work", json.dumps(peer.settings)]
        with (WORK / f"{peer.package}.log").open("wb") as log:
            processes = [
                subprocess.Popen(
                    command, env=self._environment(peer, url), cwd=PROGRAMS, stdout=log, stderr=log
                )
                for _ in range(count)
            ]
            try:
                yield
            finally:
                for process in processes:
                    end(process, 10)

    def records(self, peer: Peer) -> list[dict[str, Any]]:
        """What its workers told so far."""
        return [
            json.loads(path.read_text(encoding="ascii")) for path in RECORD.glob(f"{peer.package}.*.json")
        ]

    def count(self, peer: Peer) -> int:
        """How many jobs have begun."""
        return sum(int(record["count"]) for record in self.records(peer))

    def rate(self, peer: Peer, url: str, due: int, workers: int = 1, seconds: float = 60) -> float:
        """Jobs a second from the first to the last one's start, which leaves out the last acknowledgement."""
        with self.workers(peer, url, workers):
            with contextlib.suppress(Broken):
                wait_until(lambda: self.count(peer) >= due, seconds, f"{peer.name}'s {due:,} jobs")
            records = self.records(peer)
            done = self.count(peer)
            if done >= due:
                wait_until(lambda: not self.left(peer, url), 20, f"{peer.name}'s acknowledgements")
        if not records:
            raise Broken(f"{peer.name}: no job ran, see {WORK / (peer.package + '.log')}")
        span: float = max(record["last"] for record in records) - min(record["first"] for record in records)
        return done / span

    def left(self, peer: Peer, url: str) -> int:
        """What is due and not done."""
        with psycopg.connect(url) as connection:
            row = connection.execute(peer.left.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def _program(self, peer: Peer) -> list[str]:
        if peer.on_node:
            assert self._node is not None
            return [_node_binary(self._node), str(PROGRAMS / peer.program)]
        return [self._python, str(PROGRAMS / peer.program)]

    def _environment(self, peer: Peer, url: str) -> dict[str, str]:
        return {
            **os.environ,
            "BENCH_URL": url,
            "BENCH_RECORD": str(RECORD / peer.package),
            "BENCH_NODE": str(self._node or ""),
            "BENCH_TARGET": "http://127.0.0.1:18480/trigger",
            "PYTHONPATH": str(PROGRAMS),
        }


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A redis-server as it comes, but for its port and directory; its address."""
    directory = WORK / "redis"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    process = subprocess.Popen(
        ["redis-server", "--port", str(REDIS_PORT), "--dir", str(directory), "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(1)
        yield f"redis://127.0.0.1:{REDIS_PORT}/0"
    finally:
        end(process, 10)


def _python_environment() -> str:
    python = HOME / "venv" / "bin" / "python"
    stamp = HOME / "venv" / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        _say("Installing the peers into benchmarks/.peers: about a minute the first time …")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME / "venv")], check=True)
        _quietly(
            [
                str(python),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
                str(REQUIREMENTS),
            ]
        )
        stamp.write_text(wanted, encoding="ascii")
    return str(python)


def _node_environment() -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("there is no npm on this machine")
    home = HOME / "node"
    wanted = (PROGRAMS / "package.json").read_text(encoding="utf-8")
    package = home / "package.json"
    if not (home / "installed").exists() or package.read_text(encoding="utf-8") != wanted:
        home.mkdir(parents=True, exist_ok=True)
        package.write_text(wanted, encoding="utf-8")
        try:
            _quietly([npm, "install", "--no-audit", "--no-fund", "--prefix", str(home)])
        except Broken:
            raise Missing("npm could not install it") from None
        (home / "installed").touch()
    return home


def _node_binary(home: Path) -> str:
    own = home / "node_modules" / ".bin" / "node"
    return str(own) if own.exists() else "node"


def _quietly(command: Sequence[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        raise Broken(f"{' '.join(command)} failed:\n{ended.stderr[-3000:]}")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
