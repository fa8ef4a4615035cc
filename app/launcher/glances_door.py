"""Starts Glances when somebody opens its page, and ends it when nobody views it any more.

    python -m app.launcher.glances_door HOST PORT IDLE_MINUTES CONF

supervisord runs this in place of Glances. It listens at HOST and PORT, and passes the bytes of each
connection, unread, to and from a Glances at a port of this machine only. The first byte that
somebody sends starts Glances, and the browser waits meanwhile. A connection without one starts
nothing.

Objective: a page that nobody views takes no CPU time and little memory.

Alternative: systemd's socket activation with systemd-socket-proxyd does the same, but not every
house runs under systemd.
"""

import asyncio
import logging
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from app.config import config_folder
from app.errors import ConfigError
from app.launcher.forking import end_with_parent
from app.launcher.specs import glances_command
from app.logs import set_up_logs

#: The longest wait for the first byte of a guest, and for Glances to answer.
_FIRST_BYTE_S = 10.0
_START_S = 60.0
#: supervisord allows 5 s in all.
_END_S = 4.0
_LOOK_EVERY_S = 0.1
_MOST_GUESTS = 64
_CHUNK_BYTES = 65_536
_HERE = "127.0.0.1"

_log = logging.getLogger(__name__)


class Door:
    """Lets guests in to the Glances with the file *conf*, which ends after *idle_s* without one."""

    def __init__(self, conf: Path, idle_s: float) -> None:
        self._conf = conf
        self._idle_s = idle_s
        self._glances: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._starting = asyncio.Lock()
        self._used_s = 0.0
        self._guests = 0
        self._is_asked = False

    async def serve(self, listener: socket.socket) -> None:
        """Let guests in until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
        server = await asyncio.start_server(self._let_in, sock=listener)
        await stop.wait()
        server.close()
        if self._glances:
            await _end(self._glances)

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._guests += 1
        try:
            if self._guests <= _MOST_GUESTS:
                await self._serve_guest(reader, writer)
        except OSError as error:  # also a timeout
            _log.debug("a guest left: %s", error)
        finally:
            self._guests -= 1
            writer.close()

    async def _serve_guest(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.timeout(_FIRST_BYTE_S):
            first = await reader.read(_CHUNK_BYTES)
        if not first:
            return
        try:
            inner_reader, inner_writer = await self._connected()
        except OSError as error:
            _log.error("nobody sees the page: %s", error)
            return
        try:
            inner_writer.write(first)
            self._is_asked = True
            await asyncio.gather(
                self._pass(reader, inner_writer, asks=True),
                self._pass(inner_reader, writer, asks=False),
            )
        finally:
            inner_writer.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asks: bool
    ) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            self._used_s = _now_s()
            self._is_asked = asks
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection to Glances, which is started if it does not run."""
        async with self._starting:
            self._used_s = _now_s()
            if self._glances and self._glances.poll() is None:
                with suppress(ConnectionRefusedError):  # it is about to end
                    return await asyncio.open_connection(_HERE, self._port)
                self._glances.kill()
                self._glances.wait()
            self._glances = await self._started()
            self._used_s = _now_s()
            return await asyncio.open_connection(_HERE, self._port)

    async def _started(self) -> subprocess.Popen[bytes]:
        """Start Glances; returns when it listens."""
        self._port = _free_port()
        process = subprocess.Popen(  # noqa: S603
            glances_command(self._conf, _HERE, self._port),
            # This program has one thread.
            preexec_fn=partial(end_with_parent, signal.SIGTERM),  # noqa: PLW1509
        )
        _log.info("Glances starts, pid %d", process.pid)
        try:
            async with asyncio.timeout(_START_S):
                while not _listens(process, self._port):
                    await asyncio.sleep(_LOOK_EVERY_S)
        except BaseException:
            process.kill()
            process.wait()
            raise
        asyncio.get_running_loop().call_later(self._idle_s, self._look, process)
        return process

    def _look(self, process: subprocess.Popen[bytes]) -> None:
        """End *process* if nobody has used it for long; otherwise look again when that may be."""
        if process.poll() is not None:
            return
        # A guest may wait for an answer: Glances is slow on a busy machine.
        idle_s = max(self._idle_s, _START_S) if self._is_asked else self._idle_s
        left_s = self._used_s + idle_s - _now_s()
        if left_s > 0:
            asyncio.get_running_loop().call_later(left_s, self._look, process)
            return
        _log.info("nobody views Glances, so it ends")
        self._glances = None
        self._ending = asyncio.create_task(_end(process))


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Return whether *process* itself listens at *port*; `ConnectionError` when it has ended."""
    import psutil

    if process.poll() is not None:
        raise ConnectionError(f"Glances has ended with {process.returncode}")
    return any(
        found.status == psutil.CONN_LISTEN and found.laddr.port == port
        for found in psutil.Process(process.pid).net_connections("tcp")
    )


async def _end(process: subprocess.Popen[bytes]) -> None:
    """End *process*, gently if it obeys in time."""
    process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_S):
            while process.poll() is None:
                await asyncio.sleep(_LOOK_EVERY_S)
    process.kill()
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HERE, 0))
        port: int = probe.getsockname()[1]
    return port


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def main() -> None:
    """Listen, and let guests in."""
    host, port, idle_minutes, conf = sys.argv[1:]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, int(port)), family=family, dualstack_ipv6=host == "::")
    # Until the first guest this fork uses little, so that it shares nearly all of its memory.
    select.select([listener], [], [])
    with suppress(ConfigError):  # the programs report it
        set_up_logs(config_folder())
    asyncio.run(Door(Path(conf), float(idle_minutes) * 60).serve(listener))


if __name__ == "__main__":
    main()
