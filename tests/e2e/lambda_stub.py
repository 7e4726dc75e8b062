"""Enough of AWS Lambda's API for functions in Python: create, get, delete, invoke; each runs in a thread of the stub.

The error document is that of the Python 3.12 runtime: `errorMessage`, `errorType`, `requestId`, `stackTrace`.
"""

from __future__ import annotations

import base64
import io
import json
import linecache
import re
import traceback
import uuid
import zipfile
from collections.abc import Callable
from urllib.parse import unquote

from steppe.base.jsonvalue import JsonValue
from steppe.testing.http_stub import Answer, Asked

_NUMBERED = re.compile(r"(/var/task/handler\.py)#\d+")
"""Each function's source has a name of its own here, so that traces show the right lines."""

PREFIX = "/2015-03-31/functions"


class Functions:
    """The functions of one account, by name."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._handlers: dict[str, Callable[[JsonValue, None], JsonValue]] = {}

    def answer(self, asked: Asked) -> Answer:
        """Answer one request of the API."""
        if asked.method == "POST" and asked.path == PREFIX:
            document = asked.json
            self._handlers[document["FunctionName"]] = _load(document["Code"]["ZipFile"])
            return 201, {}, self._configuration(document["FunctionName"])
        name, _, rest = unquote(asked.path.removeprefix(PREFIX + "/")).partition("/")
        name = name.rpartition(":function:")[2].partition(":")[0]
        if name not in self._handlers:
            message = f"Function not found: {self._arn(name)}:$LATEST"
            error = {"Type": "User", "Message": message}
            return 404, {"x-amzn-errortype": "ResourceNotFoundException"}, error
        if rest == "invocations":
            return self._invoke(self._handlers[name], asked.body)
        if asked.method == "DELETE":
            del self._handlers[name]
            return 204, {}, b""
        return 200, {}, {"Configuration": self._configuration(name)}

    def _invoke(self, handler: Callable[[JsonValue, None], JsonValue], payload: bytes) -> Answer:
        request_id = str(uuid.uuid4())
        headers = {"X-Amz-Executed-Version": "$LATEST", "x-amzn-RequestId": request_id}
        try:
            return 200, headers, handler(json.loads(payload or b"{}"), None)
        except Exception as error:
            trace = [frame for frame in traceback.extract_tb(error.__traceback__) if "/var/task/" in frame.filename]
            document = {
                "errorMessage": str(error),
                "errorType": type(error).__name__,
                "requestId": request_id,
                "stackTrace": [_NUMBERED.sub(r"\1", line) for line in traceback.format_list(trace)],
            }
            return 200, headers | {"X-Amz-Function-Error": "Unhandled"}, document

    def _arn(self, name: str) -> str:
        return f"arn:aws:lambda:us-east-1:{self._account}:function:{name}"

    def _configuration(self, name: str) -> JsonValue:
        return {"FunctionName": name, "FunctionArn": self._arn(name), "State": "Active", "Runtime": "python3.12"}


def _load(code: str) -> Callable[[JsonValue, None], JsonValue]:
    """The handler of a package, whose traces say what they say on AWS."""
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(code)))
    source, name = archive.read("handler.py").decode(), "/var/task/handler.py"
    linecache.cache[f"{name}#{id(archive)}"] = (len(source), None, source.splitlines(keepends=True), name)
    space: dict[str, JsonValue] = {"__name__": "handler"}
    exec(compile(source, f"{name}#{id(archive)}", "exec"), space)
    handler = space["handler"]
    return lambda event, context: handler(event, context)
