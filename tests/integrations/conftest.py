"""An HTTP server of the test's own: it keeps what it was asked and answers what it was told."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Asked:
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name):
        return ",".join(value for own, value in self.headers if own.lower() == name.lower())

    @property
    def operation(self):
        """Of an AWS API with a JSON protocol."""
        return self.header("x-amz-target").rpartition(".")[2]

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Stub:
    """`answer` takes what was asked and gives status, headers and a body (bytes, or a document for JSON)."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answer: object = lambda _asked: (200, {}, {})


@pytest.fixture
def stub():
    told = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = Asked(self.command, self.path, self.headers.items(), body)
            told.asked.append(asked)
            status, headers, content = told.answer(asked)
            if not isinstance(content, bytes):
                content = json.dumps(content).encode()
                headers = {"Content-Type": "application/json"} | headers
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = do_POST

        def log_message(self, *_arguments):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, _request, _address):
            """A client that went away is part of some tests."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
async def tasks(stub):
    """Runs tasks: every service is the stub; `connections` are those of `CONNECTIONS`."""
    from steppe.integrations.caller import Callers
    from steppe.integrations.task_caller import TaskCaller

    callers = Callers(
        local={}, endpoints={"*": stub.url}, region="us-east-1", credentials=lambda _service: ("key", "secret")
    )
    caller = TaskCaller(callers, connections=_connections(stub.url))
    yield caller
    await caller.close()
    await callers.close()


def _connections(url):
    from steppe.integrations.connections import read_connections

    return read_connections(
        {
            "basic": {
                "AuthorizationType": "BASIC",
                "AuthParameters": {
                    "BasicAuthParameters": {"Username": "user", "Password": "pass"},
                    "InvocationHttpParameters": {
                        "HeaderParameters": [{"Key": "x-shared", "Value": "of-connection"}],
                        "QueryStringParameters": [{"Key": "shared", "Value": "of connection"}],
                        "BodyParameters": [{"Key": "shared", "Value": "of-connection"}],
                    },
                },
            },
            "key": {
                "AuthorizationType": "API_KEY",
                "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "x-api-key", "ApiKeyValue": "k1"}},
            },
            "oauth": {
                "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
                "AuthParameters": {
                    "OAuthParameters": {
                        "AuthorizationEndpoint": f"{url}/token",
                        "HttpMethod": "POST",
                        "ClientParameters": {"ClientID": "client", "ClientSecret": "secret"},
                        "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]},
                    }
                },
            },
        }
    )
