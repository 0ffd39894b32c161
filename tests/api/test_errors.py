"""Every error: its status, its one shape, and that nothing was written."""

import json
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from fastapi import FastAPI
from psycopg import sql
from starlette.types import Message

from api import errors
from core.errors import Conflict, CrondeskError, Forbidden, Invalid, NotFound, TooLarge, Unavailable
from core.settings import cron_secret, settings
from tests.api.caller import BASE, Caller, later
from tests.asynchronous import finish

Rows = Callable[[], dict[str, int]]
NOBODY = "01980000-0000-7000-8000-000000000000"
CALLS = [
    ("POST", "/schedule"),
    ("POST", "/schedule/batch"),
    ("GET", "/schedule"),
    ("DELETE", f"/schedule?id={NOBODY}"),
    ("PATCH", f"/schedule/{NOBODY}"),
    ("PATCH", f"/schedule/{NOBODY}/triggered"),
    ("PATCH", f"/schedule/{NOBODY}/failed"),
    ("POST", f"/schedule/{NOBODY}/retry"),
    ("POST", "/trigger"),
    ("GET", ""),
    ("GET", "/"),
    ("GET", f"/{NOBODY}"),
    ("GET", f"/{NOBODY}/output"),
    ("POST", f"/{NOBODY}/cancel"),
]
WITH_BODY = [
    call for call in CALLS if call[0] in ("POST", "PATCH") and not call[1].endswith(("/cancel", "/retry"))
]
DEEP: object = 1
for _ in range(40):
    DEEP = {"d": DEEP}
GOOD = {"cronName": "nothing", "scheduledAt": "2031-01-01T00:00:00Z"}


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic {secret}",
        "Bearer {secret}x",
        "{secret}",
        "Bearer é",
    ],
)
def test_no_call_answers_without_the_secret(
    stranger: Caller, method: str, path: str, header: str | None
) -> None:
    headers = (
        {} if header is None else {"Authorization": header.format(secret=cron_secret()).encode("latin-1")}
    )

    response = stranger(method, path, headers=headers)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json()["success"] is False
    assert "bearer token" in response.json()["error"]


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer x"])
def test_an_empty_secret_lets_nobody_in(
    stranger: Caller, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.delenv("CRON_SECRET")
    settings.cache_clear()
    cron_secret.cache_clear()
    path = settings().data_dir / "cron_secret"
    path.parent.mkdir(exist_ok=True)
    path.touch()

    response = stranger("GET", "/schedule", headers={"Authorization": header})

    assert response.status_code == (503 if header == "Bearer x" else 401)
    assert str(path) not in response.text


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"cronName=nothing",
        b'{"cronName": "nothing", "cronName": "greet"}',
        b'{"parameters": NaN}',
        b'{"parameters": -Infinity}',
        b"[" * 20_000,
        b"\xff\xfe\xfa",
        b'"' + b"1" * 5000,
        b"1" * 5000,
    ],
)
def test_what_is_not_json_is_a_400(api: Caller, rows: Rows, method: str, path: str, body: bytes) -> None:
    response = api(method, path, data=body)

    assert response.status_code == 400
    assert response.json().keys() == {"success", "error", "details"}
    assert response.json()["details"]
    assert set(rows().values()) == {0}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"parameters": {"x": NaN}}', "parameters.x: NaN is no JSON number"),
        (b'{"parameters": {"a": [1, {"b": -Infinity}]}}', "parameters.a.1.b: -Infinity is no JSON number"),
        (b"[" * 20_000, "body: nested deeper"),
        (b'{"parameters": ', "body: not JSON: "),
        (b'{"cronName": "a", "cronName": "b"}', "body: not JSON: the key 'cronName' stands twice"),
    ],
)
def test_what_is_not_json_names_the_field_where_it_can(api: Caller, body: bytes, detail: str) -> None:
    [told] = api("POST", "/schedule", data=body).json()["details"]
    assert told.startswith(detail)


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"5", b"true"])
def test_json_that_is_no_object_is_a_422(api: Caller, method: str, path: str, body: bytes) -> None:
    response = api(method, path, data=body)

    assert response.status_code == 422
    assert response.json()["error"] == "body: must be a JSON object"


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"cronName": None}, "cronName"),
        ({"cronName": 5}, "cronName"),
        ({"cronName": ["nothing"]}, "cronName"),
        ({"scheduledAt": None}, "scheduledAt"),
        ({"scheduledAt": 1893456000}, "scheduledAt"),
        ({"scheduledAt": ""}, "scheduledAt"),
        ({"scheduledAt": "tomorrow"}, "scheduledAt"),
        ({"scheduledAt": "2031-01-01T00:00:00"}, "scheduledAt"),
        ({"scheduledAt": "2031-02-29T00:00:00Z"}, "scheduledAt"),
        ({"scheduledAt": "2031-01-01T24:00:01Z"}, "scheduledAt"),
        ({"scheduledAt": "2031-01-01T00:00:00+99:00"}, "scheduledAt"),
        ({"scheduledAt": "0001-01-01T00:00:00+14:00"}, "scheduledAt"),
        ({"scheduledAt": "0001-01-01T00:00:00Z"}, "scheduledAt"),
        ({"scheduledAt": "2001-01-01T00:00:00Z"}, "scheduledAt"),
        ({"scheduledAt": "9999-12-31T23:59:59-14:00"}, "scheduledAt"),
        ({"scheduledAt": "2031-01-01T00:00:00Z\x00"}, "scheduledAt"),
        ({"scheduledAt": "٢٠٣١-01-01T00:00:00Z"}, "scheduledAt"),
        ({"parameters": []}, "parameters"),
        ({"parameters": 0}, "parameters"),
        ({"parameters": ""}, "parameters"),
        ({"parameters": {"name": "\x00"}}, "parameters.name"),
        ({"parameters": {"\x00": "x"}}, "parameters"),
        ({"parameters": {"name": "\ud800"}}, "parameters.name"),
        ({"parameters": {"\udfff": 1}}, "parameters"),
        ({"parameters": {"name": 5}}, "parameters.name"),
        ({"parameters": {"times": 10**400}}, "parameters.times"),
        ({"parameters": {"unknown": 1}}, "parameters"),
        ({"parameters": {"name": DEEP}}, "parameters.name" + ".d" * 31),
        ({"createdBy": ""}, "createdBy"),
        ({"createdBy": "x" * 201}, "createdBy"),
        ({"createdBy": "a\nb"}, "createdBy"),
        ({"createdBy": "\x00"}, "createdBy"),
        ({"createdBy": "\ud800"}, "createdBy"),
        ({"createdBy": 5}, "createdBy"),
        ({"status": "triggered"}, "status"),
        ({"cron_name": "greet"}, "cron_name"),
        ({"id": str(uuid4())}, "id"),
    ],
)
def test_what_breaks_a_rule_is_a_422_that_names_the_field_and_writes_nothing(
    api: Caller, rows: Rows, broken: dict[str, object], named: str
) -> None:
    body = {"cronName": "greet", "scheduledAt": "2031-01-01T00:00:00Z", **broken}

    response = api("POST", "/schedule", data=json.dumps(body))

    assert response.status_code == 422, response.text
    answered = response.json()
    assert answered["success"] is False
    assert any(detail.startswith(f"{named}:") for detail in answered["details"]), answered
    assert set(rows().values()) == {0}


def test_all_broken_fields_are_named_at_once(api: Caller) -> None:
    response = api("POST", "/schedule", json={"scheduledAt": "2031", "parameters": 5, "colour": "red"})

    fields = [detail.partition(":")[0] for detail in response.json()["details"]]
    assert fields == ["cronName", "scheduledAt", "parameters", "colour"]


@pytest.mark.parametrize(
    "body",
    [
        {"cronName": "nobody", "scheduledAt": "2031-01-01T00:00:00Z"},
        {"cronName": "", "scheduledAt": "2031-01-01T00:00:00Z"},
        {"cronName": "Greet", "scheduledAt": "2031-01-01T00:00:00Z"},
        {"cronName": "greet\x00", "scheduledAt": "2031-01-01T00:00:00Z"},
    ],
)
def test_an_unknown_cron_is_not_found_and_the_known_ones_are_told(
    api: Caller, rows: Rows, body: dict[str, str]
) -> None:
    for path, given in (("/schedule", body), ("/trigger", {"cronName": body["cronName"]})):
        response = api("POST", path, json=given)
        assert response.status_code == 404
        assert response.json()["details"] == ["cronName: known are nothing, greet, wait, fail, hook"]
    assert set(rows().values()) == {0}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=1e2", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("status=waiting", "status"),
        ("status=", "status"),
        ("from=yesterday", "from"),
        ("to=2031-01-01T00:00:00", "to"),
        ("cursor=abc", "cursor"),
        ("cursor=" + "W" * 5000, "cursor"),
        ("cursor=WzEsMl0=", "cursor"),
        ("search=%00", "search"),
        ("cronName=%00", "cronName"),
        ("cron_name=greet", "cron_name"),
        ("page=2", "page"),
    ],
)
@pytest.mark.parametrize("path", ["/schedule", "/"])
def test_a_query_that_is_none_is_a_422_that_names_it(api: Caller, path: str, query: str, named: str) -> None:
    response = api("GET", f"{path}?{query}")

    assert response.status_code == 422
    assert response.json()["details"][0].startswith(f"{named}:"), response.text


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_a_call_with_a_body_takes_no_query(api: Caller, rows: Rows, method: str, path: str) -> None:
    response = api(method, f"{path}?dryRun=true", json=GOOD)

    assert response.status_code == 422
    assert response.json()["details"] == ["dryRun: is not known here"]
    assert set(rows().values()) == {0}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/schedule?id=5"),
        ("DELETE", "/schedule?id="),
        ("DELETE", "/schedule"),
        ("DELETE", "/schedule?id=%00"),
        ("PATCH", "/schedule/5"),
        ("PATCH", "/schedule/%00/triggered"),
        ("PATCH", "/schedule/x/failed"),
        ("GET", "/5"),
        ("GET", "/%ff/output"),
        ("POST", "/trigger-happy/cancel"),
    ],
)
def test_an_id_that_is_no_uuid_is_a_422_that_names_it(api: Caller, method: str, path: str) -> None:
    response = api(method, path, json={} if method == "PATCH" else None)

    assert response.status_code == 422
    assert response.json()["details"][0].startswith("id:")


@pytest.mark.parametrize("query", ["after=-2", "after=x", "after=2147483648", f"after={'9' * 30}", "limit=0"])
def test_output_is_asked_for_within_bounds(api: Caller, query: str) -> None:
    execution = api("POST", "/trigger", json={"cronName": "nothing"}).json()["executionId"]

    response = api("GET", f"/{execution}/output?{query}")

    assert response.status_code == 422
    assert response.json()["details"][0].startswith(query.partition("=")[0])


@pytest.mark.parametrize(
    "path", ["//api", "//api/", "//api/nope", "//api/admin", "//api/docs/../nope", f"/{NOBODY}/nope"]
)
def test_a_path_of_nothing_is_a_404_in_json(api: Caller, path: str) -> None:
    response = api("GET", path)

    assert response.status_code == 404
    assert response.json().keys() == {"success", "error", "details"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/schedule"),
        ("DELETE", "/"),
        ("GET", "/schedule/batch"),
        ("HEAD", "/"),
        ("OPTIONS", "/schedule"),
    ],
)
def test_a_method_of_nothing_is_a_405_that_says_which_are(api: Caller, method: str, path: str) -> None:
    response = api(method, path)

    assert response.status_code == 405
    assert response.headers["Allow"]
    if method != "HEAD":
        assert response.json()["success"] is False


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [(*call, 16 * 1024 * 1024 if call[1].endswith("/batch") else 64 * 1024) for call in WITH_BODY],
)
def test_a_body_over_the_limit_is_a_413(
    api: Caller, rows: Rows, method: str, path: str, limit: int, chunked: bool
) -> None:
    body = b" " * (limit + 1)

    response = api(method, path, data=iter([body]) if chunked else body)

    assert response.status_code == 413
    assert f"{limit // 1024} KiB" in response.json()["error"]
    assert set(rows().values()) == {0}


def test_a_body_of_just_the_limit_is_taken(api: Caller) -> None:
    body = json.dumps(GOOD).encode()

    assert api("POST", "/schedule", data=body + b" " * (64 * 1024 - len(body))).status_code == 201


@pytest.mark.parametrize("path", ["/schedule", "/schedule/batch"])
def test_a_body_over_the_limit_is_refused_before_it_has_come(api: Caller, path: str) -> None:
    announced = {"/schedule": 64 * 1024 + 1, "/schedule/batch": 16 * 1024 * 1024 + 1}[path]

    with socket.create_connection(_address(api), timeout=10) as connection:
        connection.sendall(_head(path, f"Content-Length: {announced}"))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_is_refused_as_soon_as_it_is_over_the_limit(api: Caller) -> None:
    with socket.create_connection(_address(api), timeout=10) as connection:
        connection.sendall(_head("/schedule", "Transfer-Encoding: chunked"))
        connection.sendall(b"10100\r\n" + b" " * 0x10100 + b"\r\n")  # and no last chunk
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_stranger_is_refused_before_the_body_has_come(api: Caller) -> None:
    with socket.create_connection(_address(api), timeout=10) as connection:
        head = _head("/schedule/batch", "Content-Length: 10000000").replace(b"Bearer ", b"Bearer x")
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


def test_a_body_that_breaks_off_writes_nothing(api: Caller, rows: Rows) -> None:
    body = json.dumps(GOOD).encode()

    with socket.create_connection(_address(api), timeout=10) as connection:
        connection.sendall(_head("/schedule", f"Content-Length: {len(body) + 1}") + body)

    assert api("GET", "/schedule").status_code == 200
    assert set(rows().values()) == {0}


def _address(api: Caller) -> tuple[str, int]:
    parts = urlsplit(api.root)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def _head(path: str, *headers: str) -> bytes:
    lines = [f"POST {BASE}{path} HTTP/1.1", "Host: x", f"Authorization: Bearer {cron_secret()}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture
def closed_database(database_server: str, database_url: str) -> Iterator[Callable[[bool], None]]:
    """Closes the test's database to everybody, and opens it again."""
    name = sql.Identifier(urlsplit(database_url).path.removeprefix("/"))

    def close(closed: bool) -> None:
        with psycopg.connect(database_server, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(name, sql.Literal(not closed))
            )
            if closed:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [urlsplit(database_url).path.removeprefix("/")],
                )

    yield close
    close(False)


def test_a_database_that_is_away_is_a_503_and_its_return_is_noticed(
    api: Caller, closed_database: Callable[[bool], None]
) -> None:
    assert api("POST", "/schedule", json=GOOD).status_code == 201
    closed_database(True)

    for method, path in (("POST", "/schedule"), ("GET", "/schedule"), ("GET", "/"), ("GET", f"/{uuid4()}")):
        for _ in range(2):
            response = api(method, path, json=GOOD if method == "POST" else None)
            assert response.status_code == 503
            assert int(response.headers["Retry-After"]) > 0
            assert response.json()["success"] is False
    assert api("GET", "//readyz").status_code == 503
    assert "crondesk_database_up 0.0" in api("GET", "//metrics").text

    closed_database(False)
    assert api("POST", "/schedule", json=GOOD).status_code == 201
    assert api("GET", "//readyz").status_code == 200


def test_a_database_without_migrations_is_a_503_that_says_so(server: str, empty_database_url: str) -> None:
    api = Caller(server, {"Authorization": f"Bearer {cron_secret()}"})

    response = api("POST", "/schedule", json={"cronName": "nothing", "scheduledAt": later()})

    assert response.status_code == 503
    assert "alembic upgrade head" in response.json()["error"]
    ready = api("GET", "//readyz")
    assert ready.status_code == 503
    assert ready.json()["database"] == "reachable"
    assert "not current" in ready.json()["migrations"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Forbidden("no"), 403),
        (NotFound("no"), 404),
        (Conflict("no"), 409),
        (TooLarge("no"), 413),
        (Invalid("no"), 422),
        (Unavailable("no"), 503),
        (RuntimeError("a secret"), 500),
    ],
)
def test_each_error_of_core_has_its_status(error: Exception, status: int) -> None:
    app = FastAPI()
    errors.install(app)

    @app.get("/")
    def fails() -> None:
        raise error

    sent: list[Message] = []

    async def call() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
        await app(scope, receive, send)

    if isinstance(error, CrondeskError):
        finish(call())
    else:
        with pytest.raises(RuntimeError):  # handed on, so that the server prints the traceback
            finish(call())

    assert sent[0]["status"] == status
    answered = json.loads(sent[1]["body"])
    assert answered["success"] is False
    assert "secret" not in answered["error"]
