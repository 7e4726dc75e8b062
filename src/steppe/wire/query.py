"""AWS's query protocol, as far as STS needs it: a form that names an operation, answered with an XML document.

Operations whose output is a structure of scalars. A form's other members are not read: no operation that is served has
input, and one that has will need them read here.
"""

from __future__ import annotations

from functools import cache

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.wire.http import HttpAnswer, HttpRequest, header_text, parse_query
from steppe.wire.model import service_model
from steppe.wire.xmltext import escape


class QueryProtocol:
    """One service's protocol."""

    __slots__ = ("_model", "service")

    def __init__(self, service: str) -> None:
        self.service = service
        self._model = service_model(service)

    def operation_of(self, request: HttpRequest, body: bytes) -> str:
        """The operation that a form, or a URL's query, names as its Action.

        Raises:
            ApiError: MissingAction; InvalidAction, naming what was asked for.
        """
        said = dict(request.query) | dict(parse_query(header_text(body)))
        action = said.get("Action")
        if not action:
            raise ApiError("MissingAction", "Missing Action")
        if action not in self._model.operation_names:
            raise ApiError("InvalidAction", f"Could not find operation {action[:100]} of {self.service}")
        return action

    def answer(self, operation: str, output: dict[str, JsonValue], *, request_id: str) -> HttpAnswer:
        """An operation's output as its XML document; members that are None are left out."""
        model = self._model.operation_model(operation)
        wrapper = model.output_shape.serialization["resultWrapper"] if model.output_shape is not None else None
        members = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in output.items() if v is not None)
        namespace = self._model.metadata["xmlNamespace"]
        text = (
            f'<{operation}Response xmlns="{namespace}">'
            f"{f'<{wrapper}>{members}</{wrapper}>' if wrapper else ''}"
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
        )
        return HttpAnswer(200, (("Content-Type", "text/xml"),), text.encode("utf-8", "replace"))


@cache
def protocol(service: str) -> QueryProtocol:
    """The protocol of a service, made once per process."""
    return QueryProtocol(service)
