"""An HTTP target that records every POST with the instant of its arrival, and answers as the path says."""

import asyncio
import json
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Arrival:
    """A POST that came; `at` is in seconds since 1970."""

    at: float
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def schedule(self) -> str:
        return str(self.body["scheduledId"])


class TargetServer:
    """The server, in a thread of its own; `url` speaks HTTP, `tls_url` with a certificate that nobody trusts.

    Paths: /answer/<status>; /slow waits long; /broken hangs up; /pieces answers in many pieces;
    /stuck answers 200 and never ends its body; /busy/<n> answers 409 to the first n of each key;
    /script/<status>-<status>-… answers the POSTs of each key one after the other, the last one for ever;
    /echo/<anything> answers with what it heard.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.pause_seconds = 0.0
        self.piece = b"x" * 1000
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def of(self, schedule_id: object) -> list[Arrival]:
        """The POSTs of one schedule."""
        return [arrival for arrival in self.arrivals if arrival.schedule == str(schedule_id)]

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()

    async def _start(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self.url = f"http://127.0.0.1:{_port(site)}"
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(Path(__file__).with_name("untrusted.pem"))
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.tls_url = f"https://127.0.0.1:{_port(site)}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        at = time.time()
        body = json.loads(await request.read())
        self.arrivals.append(Arrival(at, request.path, dict(request.headers), body))
        kind, _, rest = request.path[1:].partition("/")
        if self.pause_seconds:
            await asyncio.sleep(self.pause_seconds)
        if kind == "answer":
            answer = {"executionId": f"theirs-{rest}"}
            headers = {"Location": "/answer/200"} if rest.startswith("3") else {}
            return web.json_response(answer, status=int(rest), headers=headers)
        if kind == "busy":
            key = request.headers["Idempotency-Key"]
            earlier = sum(a.headers["Idempotency-Key"] == key for a in self.arrivals) - 1
            return web.Response(status=409 if earlier < int(rest) else 200)
        if kind == "script":
            key = request.headers["Idempotency-Key"]
            heard = sum(a.headers["Idempotency-Key"] == key for a in self.arrivals)
            answers = rest.split("-")
            return web.Response(status=int(answers[min(heard, len(answers)) - 1]))
        if kind == "slow":
            await asyncio.sleep(30)
        if kind == "broken":
            assert request.transport is not None
            request.transport.close()
        if kind == "pieces":
            return await self._in_pieces(request)
        if kind == "stuck":
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"begun")
            await asyncio.sleep(30)
        if kind == "surrogate":
            return web.Response(text='{"executionId": "half \\ud800 of a pair\\u0000"}')
        if kind == "echo":
            return web.json_response({"headers": dict(request.headers), "body": body})
        return web.Response()

    async def _in_pieces(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for part in (b'{"padding": "', *[self.piece] * 20, b'", ', b'"executionId": ', b'"in-pieces"}'):
            await response.write(part)
            await asyncio.sleep(0.005)
        await response.write_eof()
        return response


def _port(site: web.TCPSite) -> int:
    assert isinstance(site._server, asyncio.Server)
    return int(site._server.sockets[0].getsockname()[1])
