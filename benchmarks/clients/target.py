"""An HTTP target with a clock of its own: answers 200 to every POST and notes when each arrived.

`target.py PORT`; GET /record answers what arrived, GET /forget forgets it.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

HEAD_END = b"\r\n\r\n"
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'

arrived: list[tuple[float, bytes]] = []


class Answering(asyncio.Protocol):
    """One connection, kept open; requests one after the other."""

    def __init__(self) -> None:
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the way back."""
        # uvloop's transports have its methods without being one of its class.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answers each whole request."""
        now = time.time()
        unread = self._unread + data
        while (end := unread.find(HEAD_END)) >= 0:
            head = unread[:end]
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            whole = end + len(HEAD_END) + int(fields.get(b"content-length", 0))
            if len(unread) < whole:
                break
            unread = unread[whole:]
            self._transport.write(self._answer(head, fields, now))
        self._unread = unread

    @staticmethod
    def _answer(head: bytes, fields: dict[bytes, bytes], now: float) -> bytes:
        if head.startswith(b"POST"):
            arrived.append((now, fields.get(b"idempotency-key", b"")))
            return ANSWER
        if head.startswith(b"GET /forget"):
            arrived.clear()
        body = json.dumps([(at, key.decode()) for at, key in arrived]).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def serve(port: int) -> None:
    """Serves until it is ended."""
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
