"""A server on loopback for files with a secret address, as S3 is for presigned ones."""

from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from app.benchmarks.background_server import BackgroundServer

_KINDS = {"jpg": "image/jpeg", "mp4": "video/mp4", "json": "application/json"}


class MediaServer(BackgroundServer):
    """Serves *files*, by name. While *away* it answers 403, as S3 does for an expired link."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.away = False
        super().__init__(partial(_FileRequest, self))

    def link(self, name: str) -> str:
        """Return the address of the file *name*, which need not exist."""
        return f"http://127.0.0.1:{self.port}/{name}?X-Amz-Signature=0123456789"

    def put(self, name: str, content: bytes) -> str:
        """Serve *content* as *name*; returns its address."""
        self.files[name] = content
        return self.link(name)


class _FileRequest(BaseHTTPRequestHandler):
    def __init__(self, media: MediaServer, *args: Any) -> None:
        self._media = media
        super().__init__(*args)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].lstrip("/")
        content = None if self._media.away else self._media.files.get(name)
        self.send_response(403 if content is None else 200)
        self.send_header(
            "Content-Type", _KINDS.get(name.rpartition(".")[2], "application/octet-stream")
        )
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")
