"""ApiError -> status, headers and body, in the form of each protocol.

JSON: `__type` with the prefix that AWS shows, the text as `message` (Athena and Glue: `Message`), further
fields beside it, and the code again in the header x-amzn-errortype. XML: S3's `<Error>` document.
"""

from __future__ import annotations

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue, dumpb
from steppe.wire.http import HttpAnswer
from steppe.wire.xmltext import escape

_CORAL_PREFIXES = {
    "ValidationException": "com.amazon.coral.validate#",
    "ThrottlingException": "com.amazon.coral.availability#",
    "AccessDeniedException": "com.amazon.coral.service#",
    "SerializationException": "com.amazon.coral.service#",
    "UnknownOperationException": "com.amazon.coral.service#",
    "InvalidSignatureException": "com.amazon.coral.service#",
    "UnrecognizedClientException": "com.amazon.coral.service#",
    "MissingAuthenticationTokenException": "com.amazon.coral.service#",
    "IncompleteSignatureException": "com.amazon.coral.service#",
    "InternalFailure": "com.amazon.coral.service#",
}
_MODEL_PREFIXES = {"stepfunctions": "com.amazonaws.swf.service.v2.model#"}
_CAPITAL_MESSAGE_SERVICES = frozenset({"athena", "glue"})


def json_fault(error: ApiError, *, service: str, content_type: str) -> HttpAnswer:
    """An error of a JSON service.

    Step Functions answers every error with 400 (observed, September 2026), so a status below 500 is taken as given.
    """
    prefix = _CORAL_PREFIXES.get(error.code) or _MODEL_PREFIXES.get(service, "")
    name = "Message" if service in _CAPITAL_MESSAGE_SERVICES and not prefix else "message"
    if error.code == "AccessDeniedException":
        name = "Message"
    body: dict[str, JsonValue] = {"__type": prefix + error.code, name: error.message}
    body.update((key, value) for key, value in error.fields.items() if value is not None)
    headers = (("Content-Type", content_type), ("x-amzn-errortype", error.code))
    return HttpAnswer(error.status, headers, dumpb(body))


def xml_fault(error: ApiError, *, resource: str, request_id: str, host_id: str) -> HttpAnswer:
    """An error of S3. A 304 has no body; the caller leaves the body of an answer to HEAD out."""
    headers = tuple((k, str(v)) for k, v in error.fields.items() if k in _HEADER_FIELDS and v is not None)
    if error.status == 304:
        return HttpAnswer(304, headers)
    members = [("Code", error.code), ("Message", error.message)]
    members += [(k, str(v)) for k, v in error.fields.items() if k not in _HEADER_FIELDS and v is not None]
    if "Resource" not in error.fields:
        members.append(("Resource", resource))
    members += [("RequestId", request_id), ("HostId", host_id)]
    text = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in members)
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{text}</Error>'.encode("utf-8", "replace")
    return HttpAnswer(error.status, (("Content-Type", "application/xml"), *headers), body)


def query_fault(error: ApiError, *, request_id: str) -> HttpAnswer:
    """An error as services of the query protocol (STS, SNS) word it."""
    kind = "Sender" if error.status < 500 else "Receiver"
    body = (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return HttpAnswer(error.status, (("Content-Type", "text/xml"),), body.encode("utf-8", "replace"))


_HEADER_FIELDS = frozenset({"ETag", "Last-Modified", "Content-Range", "Allow", "x-amz-bucket-region"})
"""Fields of an ApiError that S3 sends as headers, not in the document."""
