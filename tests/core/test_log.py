"""The log: one event a line, whoever says it."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from core.settings import ROOT

SAYING = """
import logging, sys, warnings
server = logging.getLogger("server.error")
server.propagate = False
server.addHandler(logging.StreamHandler())
lost = logging.getLogger("lost.error")
lost.propagate = False
from core import log
log.configure()
logging.getLogger("apscheduler.executors.default").warning("Execution of job %s skipped", "tidy")
server.warning("Invalid HTTP request received.")
lost.warning("Invalid HTTP request received.")
warnings.warn("old\\nways", DeprecationWarning, stacklevel=1)
log.logger().info("worker.started", name="here")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("asyncio").exception("failed")
"""


def said(log_format: str, saying: str = SAYING) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-W", "always", "-c", saying],
        cwd=ROOT,
        env={**os.environ, "LOG_FORMAT": log_format},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return ran.stderr.splitlines()


def test_what_libraries_say_is_json_as_well() -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in said("json")]
    assert [(line["event"], line["level"], line.get("library")) for line in lines] == [
        ("library.said", "warning", "apscheduler.executors.default"),
        ("library.said", "warning", "server.error"),
        ("library.said", "warning", "lost.error"),
        ("library.said", "warning", "py.warnings"),
        ("worker.started", "info", None),
        ("library.said", "error", "asyncio"),
    ]
    assert [line["message"] for line in lines[:3]] == [
        "Execution of job tidy skipped",
        "Invalid HTTP request received.",
        "Invalid HTTP request received.",
    ]
    assert "old\nways" in lines[3]["message"]
    assert "ZeroDivisionError" in lines[5]["exception"]
    assert all(line["timestamp"].endswith("Z") for line in lines)


def test_text_stays_text() -> None:
    lines = said("text")
    assert any("Execution of job tidy skipped" in line and "warning" in line for line in lines)
    assert "Invalid HTTP request received." in lines


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_server_s_log_of_requests_has_no_secret_in_either_form(log_format: str) -> None:
    saying = """
import logging.config
from uvicorn.config import LOGGING_CONFIG
LOGGING_CONFIG["handlers"]["access"]["stream"] = "ext://sys.stderr"
logging.config.dictConfig(LOGGING_CONFIG)
from api import access_log
from core import log
access_log.hide_secrets()
log.configure()
logging.getLogger("uvicorn.access").info(
    '%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "/api/calendar/ann/hush.ics", "1.1", 200
)
"""
    [line] = said(log_format, saying)
    assert "hush" not in line
    assert "/api/calendar/ann/*****" in line
    assert log_format == "text" or json.loads(line)["library"] == "uvicorn.access"
