"""An HTTP server of a test's own: it keeps what it was asked, and answers what it is told to.

with HttpStub() as stub:
    stub.answer = lambda asked: (200, {}, {"JobRunId": "jr_1"})
    ...
    assert stub.asked[0].operation == "StartJobRun"
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, TypeAlias

from steppe.base.jsonvalue import JsonValue


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """A header's value; repeated ones are joined with a comma."""
        return ",".join(value for own, value in self.headers if own.lower() == name.lower())

    @property
    def operation(self) -> str:
        """The operation of an AWS API with one of the JSON protocols; "" for other requests."""
        return self.header("x-amz-target").rpartition(".")[2]

    @property
    def json(self) -> JsonValue:
        """The body, which is JSON."""
        return json.loads(self.body or b"{}")


Answer: TypeAlias = tuple[int, Mapping[str, str], JsonValue]
"""Status, headers, and a body: bytes as they are, any other value as JSON."""


class HttpStub:
    """Listens on loopback and a free port while the block runs.

    Attributes:
        url: where.
        asked: all requests so far, in order.
        answer: makes an answer; called in the request's own thread.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda _asked: (200, {}, {})
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        """Start to answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def operations(self) -> list[str]:
        """The operations that were asked for, in order."""
        return [asked.operation for asked in self.asked]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: JsonValue, client_address: JsonValue) -> None:
        """A client that went away: part of what is tested."""


def _handler(stub: HttpStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = Asked(self.command, self.path, tuple(self.headers.items()), body)
            stub.asked.append(asked)
            status, headers, content = stub.answer(asked)
            if not isinstance(content, bytes):
                content = json.dumps(content).encode()
                headers = {"Content-Type": "application/json"} | dict(headers)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *arguments: JsonValue) -> None:
            """Tests print nothing."""

    for method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"):
        setattr(Handler, f"do_{method}", Handler.answer)
    return Handler
