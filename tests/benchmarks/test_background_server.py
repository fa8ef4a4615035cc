"""A server in the background serves inside its block, and not after it."""

import socket
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from app.benchmarks.background_server import BackgroundServer


class _Greeting(BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"hello")


def test_it_serves_inside_its_block_only() -> None:
    with BackgroundServer(_Greeting, kind=ThreadingTCPServer) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            assert connection.recv(5) == b"hello"
        assert not server.over.is_set()
    assert server.over.is_set()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
