"""A Redis that is started as supervisord starts the suite's own."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from redis import Redis, RedisError

from app.launcher import local_redis, redis_traces
from app.launcher.redis_server import find_redis_server
from app.launcher.redis_traces import Trace
from tests.servers.programs import REPO
from tests.waiting import until


class StartedRedis:
    """The suite's own Redis with its log in *data_dir*/redis; its socket is in *home*, which has a
    short path. It ends with the context.
    """

    def __init__(self, data_dir: Path, home: Path) -> None:
        self.folder = data_dir / "redis"
        self.run_dir = data_dir / "run"
        for made in (self.folder, self.run_dir):
            made.mkdir()
        self._log = home / "redis.log"
        self.conf = self.run_dir / "redis.conf"
        self.url = f"unix://{home}/s"
        base = REPO / "config" / "redis.conf"
        self.conf.write_text(
            local_redis.redis_conf(base, self.url, self.folder) + "appendfsync always"
        )
        self.raw: Any = Redis.from_url(self.url, decode_responses=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> Self:
        """Start Redis again and again, as supervisord does, until it answers."""
        command = [sys.executable, "-m", "app.launcher.redis_starter"]
        paths = (find_redis_server(), self.conf, self.folder, self.run_dir)
        with self._log.open("ab") as log:
            until(lambda: self._answers([*command, *map(str, paths)], log), "Redis answers", 10)
        return self

    def _answers(self, command: list[str], log: Any) -> bool:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(command, cwd=REPO, stdout=log, stderr=log)
        try:
            return bool(self.raw.ping())
        except RedisError:
            return False

    def kill(self) -> Self:
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        return self

    def said(self) -> str:
        return self._log.read_text()

    def fill(self, first: int = 0) -> None:
        """Write the keys k0 to k99, each in a command of its own."""
        for number in range(first, first + 100):
            self.raw.set(f"k{number}", f"value-{number}")

    def rewrite(self) -> None:
        self.raw.bgrewriteaof()
        self.await_rewritten()

    def await_rewritten(self) -> None:
        until(
            lambda: not self.raw.info("persistence")["aof_rewrite_in_progress"], "it is rewritten"
        )

    def names(self) -> set[str]:
        return set(self.raw.keys())

    def file(self, pattern: str) -> Path:
        (found,) = self.folder.glob(f"appendonlydir/{pattern}")
        return found

    def traces(self) -> list[Trace]:
        return [trace for _, trace in redis_traces.unpublished(self.folder)]

    @property
    def memory(self) -> Path:
        return redis_traces.memory_folder(self.run_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.raw.close()
        shutil.rmtree(self.memory, ignore_errors=True)
        sys.stdout.write(self.said())
