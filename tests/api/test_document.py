"""The OpenAPI document and the page that shows it."""

import re
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from openapi_spec_validator import validate

from api.representations import REQUESTS
from tests.api.caller import BASE, Caller

CALLS = {
    (f"{BASE}/schedule", "post"),
    (f"{BASE}/schedule/batch", "post"),
    (f"{BASE}/schedule", "get"),
    (f"{BASE}/schedule", "delete"),
    (f"{BASE}/schedule/{{id}}", "patch"),
    (f"{BASE}/schedule/{{id}}/triggered", "patch"),
    (f"{BASE}/schedule/{{id}}/failed", "patch"),
    (f"{BASE}/schedule/{{id}}/decide", "post"),
    (f"{BASE}/schedule/{{id}}/retry", "post"),
    (f"{BASE}/series", "post"),
    (f"{BASE}/series", "get"),
    (f"{BASE}/series/{{id}}", "get"),
    (f"{BASE}/series/{{id}}/pause", "post"),
    (f"{BASE}/series/{{id}}/resume", "post"),
    (f"{BASE}/series/{{id}}/end", "post"),
    (f"{BASE}/blackouts", "get"),
    (f"{BASE}/blackouts", "post"),
    (f"{BASE}/blackouts", "delete"),
    (f"{BASE}/trigger", "post"),
    (f"{BASE}/", "get"),
    (f"{BASE}/{{id}}", "get"),
    (f"{BASE}/{{id}}/output", "get"),
    (f"{BASE}/{{id}}/cancel", "post"),
    ("/healthz", "get"),
    ("/readyz", "get"),
    ("/metrics", "get"),
}


@pytest.fixture
def document(stranger: Caller) -> dict[str, Any]:
    response = stranger("GET", "//api/openapi.json")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_the_document_lists_every_call(document: dict[str, Any]) -> None:
    listed = {(path, method) for path, item in document["paths"].items() for method in item}
    assert listed >= CALLS


def test_every_call_tells_its_errors_in_the_one_shape(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for call in item.values():
            if not path.startswith(BASE):
                continue
            assert {"401", "422", "503"} <= call["responses"].keys()
            assert call["security"]
            for status, answer in call["responses"].items():
                schema = answer["content"]["application/json"]["schema"]["$ref"]
                assert (schema == "#/components/schemas/ErrorAnswer") is (int(status) >= 400)


def test_every_body_is_described_in_camel_case(document: dict[str, Any]) -> None:
    for model in REQUESTS:
        schema = document["components"]["schemas"][model.__name__]
        assert schema["additionalProperties"] is False
        assert not [name for name in schema["properties"] if "_" in name]


def test_the_page_shows_the_document_and_asks_no_other_host(stranger: Caller) -> None:
    page = stranger("GET", "//api/docs")

    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"https?:|//", page.text.replace("<!doctype", ""))
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    for asset in [asset for asset in assets if not asset.startswith("data:")]:
        answer = requests.get(urljoin(page.url, asset), timeout=10)
        assert answer.status_code == 200
        assert answer.content


def test_the_page_has_only_its_own_files(stranger: Caller) -> None:
    for name in ("LICENSE", "..%2fsecret", "nothing.js"):
        assert stranger("GET", f"//api/docs/{name}").status_code == 404
