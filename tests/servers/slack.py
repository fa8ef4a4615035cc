"""A Slack on loopback: its Web API, uploads, answers and clicks, with all their failures.

It answers wrong calls as Slack documents it, and is strict where Slack documents nothing.
"""

import dataclasses
import json
import re
import socket
import ssl
import struct
import time
from collections import defaultdict, deque
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from app.benchmarks.background_server import BackgroundServer
from tests.servers.slack_blocks import wrong_with
from tests.servers.slack_records import ApiError, Call, Channel, File, Posted
from tests.servers.slack_requests import ALERTS, RESPONSE_URL_LIFE_S, SlackRequests
from tests.servers.tricks import Trick

BOT_TOKEN = "xoxb-1-stand-in"  # noqa: S105 (no real one)
APP_TOKEN = "xapp-1-stand-in"  # noqa: S105 (no real one)
RESPONSE_URL_USES = 5

SCOPES = frozenset(
    {
        "commands",
        "chat:write",
        "files:write",
        "files:read",
        "channels:history",
        "groups:history",
        "channels:read",
        "groups:read",
    }
)
_NEEDED = {
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "files.info": "files:read",
    "files.delete": "files:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.info": "channels:read",
    "apps.connections.open": "connections:write",
}
_PRIVATE_NEEDED = {"channels:history": "groups:history", "channels:read": "groups:read"}


class SlackServer(BackgroundServer, SlackRequests):
    """One workspace with one app in it.

    *messages*, *files*, *responses* (by response_url) and *calls* are its state. `trick` and
    `always` make calls fail; *away* makes it unreachable. Attributes may be changed at any time.
    With a *certificate*, in a file with its key, it speaks TLS.
    """

    def __init__(self, port: int = 0, certificate: Path | None = None) -> None:
        self.token = BOT_TOKEN
        self.app_token = APP_TOKEN
        self.scopes: frozenset[str] = SCOPES
        self.messages: list[Posted] = []
        self.files: dict[str, File] = {}
        self.calls: list[Call] = []
        self.socket_url: str | None = None
        self.file_ready_after_s = 0.0
        #: How many of the next files it accepts, but does not share.
        self.forgets = 0
        self.channel_interval_s = 0.0
        self.away = False
        self._tricks: dict[str, deque[Trick]] = defaultdict(deque)
        self._always: dict[str, Trick] = {}
        self._last_post_s: dict[str, float] = {}
        self._last_ts_us = 0
        SlackRequests.__init__(self)
        BackgroundServer.__init__(self, partial(_SlackCall, self), port)
        scheme = "http"
        if certificate:
            scheme = "https"
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """The value of `slack.api_url` for this Slack."""
        return f"{self.url}/api/"

    def trick(self, method: str, *tricks: Trick) -> None:
        """Fail so in the next calls of *method*.

        *method* is a method of the Web API, `upload` or `response_url`.
        """
        with self.changed:
            self._tricks[method].extend(tricks)

    def always(self, method: str, trick: Trick | None) -> None:
        """Fail so in each call of *method* that has no trick of its own; None ends that."""
        with self.changed:
            self._always.pop(method, None)
            if trick:
                self._always[method] = trick

    def called(self, method: str) -> list[Call]:
        """Return the calls of *method* so far."""
        with self.changed:
            return [call for call in self.calls if call.method == method]

    def seen(self, channel: str = ALERTS) -> list[Posted]:
        """Return the messages in *channel* as they are now, in order."""
        with self.changed:
            return [
                dataclasses.replace(message)
                for message in self.messages
                if message.channel == channel
            ]

    def thread(self, ts: str) -> list[Posted]:
        """Return the replies to the message *ts*, in order."""
        with self.changed:
            return [
                dataclasses.replace(message) for message in self.messages if message.thread_ts == ts
            ]

    def clips(self, ts: str | None = None) -> list[bytes | None]:
        """Return the contents of the files that were shared in the thread *ts*, or in none."""
        with self.changed:
            shared = [
                message for message in self.messages if message.attached and message.thread_ts == ts
            ]
            return [self.files[file].content for message in shared for file in message.attached]

    def keys(self) -> list[str]:
        """Return the keys in the metadata of the messages that have one."""
        with self.changed:
            return [
                message.metadata["event_payload"]["key"]
                for message in self.messages
                if message.metadata
            ]

    def take_trick(self, method: str) -> Trick | None:
        """Return the failure of this call of *method*, None for a success."""
        with self.changed:
            return (
                self._tricks[method].popleft() if self._tricks[method] else self._always.get(method)
            )

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        self.over.wait(seconds)

    def call(self, method: str, arguments: dict[str, Any], token: str) -> dict[str, Any]:
        """Obey a call of the Web API; returns the answer."""
        work = getattr(self, "_" + re.sub(r"(?<!^)(?=[A-Z])|\.", "_", method).lower(), None)
        with self.changed:
            self.calls.append(Call(method, arguments, time.monotonic()))
            try:
                if work is None:
                    raise ApiError("unknown_method")
                self._check(method, arguments, token)
                answer: dict[str, Any] = {"ok": True, **work(arguments)}
            except ApiError as error:
                answer = error.answer
            self.changed.notify_all()
        return answer

    def upload(self, file: str, content: bytes) -> bool:
        """Store the bytes of *file*; returns False if their number is not as announced."""
        with self.changed:
            known = self.files.get(file)
            if known is None or len(content) != known.length:
                return False
            known.content = content
            return True

    def respond(self, url: str, answer: dict[str, Any]) -> tuple[int, bytes]:
        """Accept an answer to a command or a click."""
        with self.changed:
            if (
                url not in self.responses
                or time.monotonic() - self._response_made_s[url] >= RESPONSE_URL_LIFE_S
            ):
                return 404, b"expired_url"
            if len(self.responses[url]) >= RESPONSE_URL_USES:
                return 404, b"used_url"
            if (
                not answer.get("text")
                and not answer.get("blocks")
                and not answer.get("delete_original")
            ):
                return 400, b"no_text"
            try:
                self._check_blocks(answer.get("blocks") or [])
            except ApiError:
                return 400, b"invalid_blocks"
            self.responses[url].append(answer)
            self.changed.notify_all()
            return 200, b"ok"

    def _check(self, method: str, arguments: dict[str, Any], token: str) -> None:
        expected = self.app_token if method == "apps.connections.open" else self.token
        if not token:
            raise ApiError("not_authed")
        if token != expected:
            raise ApiError("invalid_auth")
        needed = _NEEDED.get(method)
        channel = self.channels.get(str(arguments.get("channel")))
        if needed in _PRIVATE_NEEDED and channel and channel.is_private:
            needed = _PRIVATE_NEEDED[needed]
        if needed and needed != "connections:write" and needed not in self.scopes:
            raise ApiError("missing_scope", needed=needed, provided=",".join(sorted(self.scopes)))

    def _auth_test(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "url": "https://house.slack.com/",
            "team": "House",
            "user": "whos_there",
            "team_id": "T0TEAM0001",
            "user_id": "U0BOT00001",
            "bot_id": "B0BOT00001",
            "is_enterprise_install": False,
        }

    def _apps_connections_open(self, _: dict[str, Any]) -> dict[str, Any]:
        if self.socket_url is None:
            raise ApiError("internal_error")
        return {"url": self.socket_url}

    def _files_get_upload_u_r_l_external(self, arguments: dict[str, Any]) -> dict[str, Any]:
        length = int(arguments.get("length") or 0)
        if not arguments.get("filename") or length <= 0:
            raise ApiError("invalid_arguments")
        file = File(f"F{next(self._numbers):010d}", arguments["filename"], length)
        self.files[file.id] = file
        return {"upload_url": f"{self.url}/upload/{file.id}", "file_id": file.id}

    def _files_complete_upload_external(self, arguments: dict[str, Any]) -> dict[str, Any]:
        found = [self._file(one["id"]) for one in _plain(arguments["files"])]
        for file in found:
            if file.content is None:
                raise ApiError("file_not_found")
        if arguments.get("channel_id"):
            self._share_files(found, arguments)
        for file in found:
            file.completed_s = file.completed_s or time.monotonic()
        return {"files": [self._shown(file) for file in found]}

    def _share_files(self, files: list[File], arguments: dict[str, Any]) -> None:
        channel = self._writable({"channel": arguments["channel_id"]})
        if not self.channels[channel].is_member:
            raise ApiError("not_in_channel")
        thread_ts = self._thread(channel, arguments.get("thread_ts"))
        if self.forgets:
            self.forgets -= 1
            return
        ids = [file.id for file in files]
        message = Posted(
            channel,
            self._new_ts(),
            arguments.get("initial_comment") or "",
            [],
            None,
            thread_ts,
            attached=ids,
        )
        self.messages.append(message)
        for file in files:
            file.shares.append((channel, message.ts))

    def _thread(self, channel: str, thread_ts: str | None) -> str | None:
        """Return *thread_ts* if that is a message, and not a reply."""
        if thread_ts and not any(
            (one.channel, one.ts, one.thread_ts) == (channel, thread_ts, None)
            for one in self.messages
        ):
            raise ApiError("thread_not_found")
        return thread_ts

    def _files_info(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"file": self._shown(self._file(arguments["file"]))}

    def _files_delete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        file = self._file(arguments["file"])
        file.deleted = True
        self.messages = [message for message in self.messages if file.id not in message.attached]
        return {}

    def _chat_post_message(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel, blocks = self._writable(arguments), self._blocks(arguments)
        if not arguments.get("text") and not blocks:
            raise ApiError("no_text")
        if (
            time.monotonic() - self._last_post_s.get(channel, float("-inf"))
            < self.channel_interval_s
        ):
            raise ApiError("ratelimited")
        self._last_post_s[channel] = time.monotonic()
        metadata, thread_ts = (
            _plain(arguments.get("metadata")),
            self._thread(channel, arguments.get("thread_ts")),
        )
        message = Posted(
            channel, self._new_ts(), arguments.get("text") or "", blocks, metadata, thread_ts
        )
        self.messages.append(message)
        self._share(message)
        return {
            "channel": channel,
            "ts": message.ts,
            "message": _as_history(message, with_metadata=False),
        }

    def _chat_update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        message = self._message(arguments)
        if "blocks" in arguments or "text" in arguments:
            message.blocks = self._blocks(arguments)
        message.text = arguments.get("text") or ""
        message.metadata = _plain(arguments.get("metadata")) or message.metadata
        message.edits += 1
        self._share(message)
        return {"channel": message.channel, "ts": message.ts, "text": message.text}

    def _chat_delete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        message = self._message(arguments)
        self.messages.remove(message)
        return {"channel": message.channel, "ts": message.ts}

    def _conversations_info(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(arguments)
        return {"channel": {"id": arguments["channel"], **dataclasses.asdict(channel)}}

    def _conversations_history(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if not self._channel(arguments).is_member:
            raise ApiError("not_in_channel")
        oldest, latest = (
            float(arguments.get("oldest") or 0),
            float(arguments.get("latest") or "inf"),
        )
        edges = (oldest, latest) if _is_true(arguments, "inclusive") else ()
        inside = [
            one
            for one in reversed(self.messages)
            if one.channel == arguments["channel"]
            and (oldest < float(one.ts) < latest or float(one.ts) in edges)
            and not one.thread_ts
        ]
        return self._page(inside, arguments)

    def _conversations_replies(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if not self._channel(arguments).is_member:
            raise ApiError("not_in_channel")
        ts = self._thread(arguments["channel"], arguments.get("ts"))
        return self._page(
            [one for one in self.messages if ts in (one.ts, one.thread_ts)], arguments
        )

    def _page(self, inside: list[Posted], arguments: dict[str, Any]) -> dict[str, Any]:
        skip, limit = int(arguments.get("cursor") or 0), int(arguments.get("limit") or 100)
        with_metadata = _is_true(arguments, "include_all_metadata")
        more = len(inside) > skip + limit
        return {
            "messages": [_as_history(one, with_metadata) for one in inside[skip : skip + limit]],
            "has_more": more,
            "response_metadata": {"next_cursor": str(skip + limit) if more else ""},
        }

    def _file(self, file: str) -> File:
        known = self.files.get(file)
        if known is None:
            raise ApiError("file_not_found")
        if known.deleted:
            raise ApiError("file_deleted")
        return known

    def _is_ready(self, file: File) -> bool:
        return (
            file.completed_s is not None
            and time.monotonic() - file.completed_s >= self.file_ready_after_s
        )

    def _shown(self, file: File) -> dict[str, Any]:
        """Return a file as files.info does: its type and places are known once it is ready."""
        shares: dict[str, dict[str, list[dict[str, str]]]] = {}
        for channel, ts in file.shares:
            where = "private" if self.channels[channel].is_private else "public"
            shares.setdefault(where, {}).setdefault(channel, []).append({"ts": ts})
        ready = self._is_ready(file)
        kind = "video/mp4" if file.name.endswith(".mp4") else "image/jpeg"
        return {
            "id": file.id,
            "name": file.name,
            "mimetype": kind if ready else "",
            "shares": shares if ready else {},
        }

    def _share(self, message: Posted) -> None:
        for file in message.files:
            if (message.channel, message.ts) not in self.files[file].shares:
                self.files[file].shares.append((message.channel, message.ts))

    def _channel(self, arguments: dict[str, Any]) -> Channel:
        if arguments.get("channel") not in self.channels:
            raise ApiError("channel_not_found")
        return self.channels[arguments["channel"]]

    def _writable(self, arguments: dict[str, Any]) -> str:
        channel = self._channel(arguments)
        if channel.is_archived:
            raise ApiError("is_archived")
        if not channel.is_member and ("chat:write.public" not in self.scopes or channel.is_private):
            raise ApiError("not_in_channel")
        return str(arguments["channel"])

    def _message(self, arguments: dict[str, Any]) -> Posted:
        self._channel(arguments)
        for message in self.messages:
            if (message.channel, message.ts) == (arguments["channel"], arguments.get("ts")):
                return message
        raise ApiError("message_not_found")

    def _new_ts(self) -> str:
        self._last_ts_us = max(self._last_ts_us + 1, int(time.time() * 1e6))
        return f"{self._last_ts_us // 10**6}.{self._last_ts_us % 10**6:06d}"

    def _blocks(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = _plain(arguments.get("blocks")) or []
        self._check_blocks(blocks)
        return [{"block_id": f"b{next(self._numbers)}", **block} for block in blocks]

    def _check_blocks(self, blocks: list[dict[str, Any]]) -> None:
        if wrong := wrong_with(blocks, self._is_file):
            raise ApiError(
                "invalid_blocks",
                errors=wrong,
                response_metadata={"messages": [f"[ERROR] {one}" for one in wrong]},
            )

    def _is_file(self, file: str) -> bool:
        """Return whether a block may show *file*."""
        known = self.files.get(file)
        return known is not None and not known.deleted and self._is_ready(known)


def _plain(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _is_true(arguments: dict[str, Any], name: str) -> bool:
    return str(arguments.get(name, "")).lower() in ("1", "true")


def _as_history(message: Posted, with_metadata: bool) -> dict[str, Any]:
    shown = {
        "type": "message",
        "ts": message.ts,
        "text": message.text,
        "blocks": message.blocks,
        "bot_id": "B0BOT00001",
    }
    return {**shown, "metadata": message.metadata} if with_metadata and message.metadata else shown


class _SlackCall(BaseHTTPRequestHandler):
    def __init__(self, slack: SlackServer, *args: Any) -> None:
        self._slack = slack
        super().__init__(*args)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        try:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST

    def _serve(self, body: bytes) -> None:
        kind, _, name = urlsplit(self.path).path.strip("/").partition("/")
        what = {"upload": "upload", "response": "response_url"}.get(kind, name)
        if self._slack.away:
            self._reset()
            return
        trick = self._slack.take_trick(what)
        if trick and not trick.after:
            self._play(trick)
            return
        status, answer = self._done(kind, name, body)
        if trick:
            self._play(trick)
        else:
            self._answer(status, answer)

    def _done(self, kind: str, name: str, body: bytes) -> tuple[int, bytes]:
        if kind == "upload":
            return (
                (200, b"OK - %d" % len(body))
                if self._slack.upload(name, body)
                else (400, b"wrong length")
            )
        if kind == "response":
            return self._slack.respond(self._slack.url + self.path, json.loads(body))
        answer = self._slack.call(name, self._arguments(body), self._token(body))
        if answer.get("error") == "ratelimited":
            return 429, json.dumps(answer).encode()
        return 200, json.dumps(answer).encode()

    def _arguments(self, body: bytes) -> dict[str, Any]:
        if "json" in self.headers.get("Content-Type", ""):
            return dict(json.loads(body or b"{}"))
        return dict(parse_qsl(urlsplit(self.path).query)) | dict(
            parse_qsl(body.decode(errors="replace"))
        )

    def _token(self, body: bytes) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or self._arguments(
            body
        ).get("token", "")

    def _play(self, trick: Trick) -> None:
        self._slack.pause(trick.hang_s)
        if trick.reset:
            self._reset()
        elif trick.error:
            self._answer(200, json.dumps({"ok": False, "error": trick.error}).encode())
        else:
            self._answer(
                trick.status,
                b'{"ok": false, "error": "ratelimited"}' if trick.status == 429 else b"",
                trick.retry_after_s,
            )

    def _reset(self) -> None:
        """Reset the connection in place of an answer, as a crash does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        if self.connection.fileno() >= 0:
            super().finish()

    def _answer(self, status: int, answer: bytes, retry_after_s: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if answer[:1] == b"{" else "text/plain")
        self.send_header("Content-Length", str(len(answer)))
        if status == 429:
            self.send_header("Retry-After", str(retry_after_s or 1))
        self.send_header("x-oauth-scopes", ",".join(sorted(self._slack.scopes)))
        self.end_headers()
        self.wfile.write(answer)
