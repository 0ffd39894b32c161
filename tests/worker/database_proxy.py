"""Stands between a worker and its database, and can lose an answer on the way back."""

import asyncio
import threading
from contextlib import suppress

from psycopg.conninfo import conninfo_to_dict

READ_SIZE = 65_536


class DatabaseProxy:
    """A TCP proxy for PostgreSQL, in a thread of its own.

    Args:
        url: of the database behind it.
    """

    def __init__(self, url: str) -> None:
        self._parts = conninfo_to_dict(url)
        self._lossy: tuple[bytes, ...] = ()
        self.lost = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    @property
    def url(self) -> str:
        user = self._parts.get("user", "postgres")
        password = self._parts.get("password", "x")
        where = f"{user}:{password}@127.0.0.1:{self._port}/{self._parts['dbname']}"
        return f"postgresql://{where}?sslmode=disable&gssencmode=disable"

    def lose_next_answer_of(self, application: str, *values: str) -> None:
        """A statement of that application is carried out; its answer gets lost.

        Args:
            application: whose connection it is.
            values: what the statement is bound to; the next one that has them all is meant.
        """
        self._lossy = tuple(text.encode() for text in (application, *values))

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop)
        self._thread.join(10)

    async def _hang_up(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._loop.stop()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._relay, "127.0.0.1", 0))
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(self._parts.get("host", "127.0.0.1")), self._parts.get("port", 5432)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port or 5432))

    async def _relay(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await self._open()
        startup = await client.read(READ_SIZE)
        to_server.write(startup)
        asked = False

        async def up() -> None:
            nonlocal asked
            while data := await client.read(READ_SIZE):
                if self._lossy and all(text in startup + data for text in self._lossy):
                    self._lossy, asked = (), True
                to_server.write(data)

        async def down() -> None:
            while data := await server.read(READ_SIZE):
                if asked:
                    # The end of the answer (ReadyForQuery): the statement has been committed.
                    while not data[-6:].startswith(b"Z\x00\x00\x00\x05"):
                        data += await server.read(READ_SIZE)
                    self.lost += 1
                    break
                to_client.write(data)

        ways = [asyncio.create_task(up()), asyncio.create_task(down())]
        with suppress(asyncio.CancelledError):  # the proxy is being stopped
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for writer in (to_client, to_server):
            writer.close()
