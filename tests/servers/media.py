"""A server on loopback for files with a secret address, as S3 is for presigned ones."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_KINDS = {"jpg": "image/jpeg", "mp4": "video/mp4", "json": "application/json"}


class MediaServer:
    """Serves *files*, by name. While *away* it answers 403, as S3 does for an expired link."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.away = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    def link(self, name: str) -> str:
        """Return the address of the file *name*, which need not exist."""
        return f"http://127.0.0.1:{self._server.server_port}/{name}?X-Amz-Signature=0123456789"

    def put(self, name: str, content: bytes) -> str:
        """Serve *content* as *name*; returns its address."""
        self.files[name] = content
        return self.link(name)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(media: MediaServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            name = self.path.partition("?")[0].lstrip("/")
            content = None if media.away else media.files.get(name)
            self.send_response(403 if content is None else 200)
            self.send_header(
                "Content-Type", _KINDS.get(name.rpartition(".")[2], "application/octet-stream")
            )
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

    return Handler
