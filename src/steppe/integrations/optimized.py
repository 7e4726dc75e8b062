"""What the optimized integrations share: their error names and causes, and the shape of their answers.

They are older than `aws-sdk:` and speak of the AWS SDK for Java 1: `Athena.InvalidRequestException` with a cause that
names `AmazonAthena` and an error code; members are the API's own, capitalised; dates are whole epoch milliseconds; and
an answer says how it came (`SdkHttpMetadata`, `SdkResponseMetadata`; recorded in November 2025 and September 2026).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from email.utils import formatdate

from botocore.model import OperationModel

from steppe.base.errors import ApiError, Fault
from steppe.base.jsonvalue import JsonValue, dumpb
from steppe.integrations.aws_sdk import from_api, to_api
from steppe.integrations.caller import Callers
from steppe.integrations.sdk_names import capitalised, exception_name, service_model


class OptimizedService:
    """One API as an optimized integration calls it.

    Attributes:
        prefix: of error names ("Athena").
        java_service: in causes ("AmazonAthena").
        java_exception: name of the service's general exception ("AmazonAthenaException").
    """

    def __init__(
        self, callers: Callers, *, service: str, prefix: str, java_service: str, java_exception: str = ""
    ) -> None:
        self._callers = callers
        self.service = service
        self.prefix = prefix
        self.java_service = java_service
        self.java_exception = java_exception or f"{java_service}Exception"

    def operation(self, action: str) -> OperationModel:
        """The operation that an action (camelCase or the API's name) names."""
        model = service_model(self.service)
        assert model is not None
        return model.operation_model(capitalised(action))

    async def call(
        self, action: str, arguments: Mapping[str, JsonValue], *, token: str = "", metadata: bool = False
    ) -> dict[str, JsonValue]:
        """Call an action with a state's parameters; the answer as the state sees it.

        Args:
            action: camelCase or the API's name.
            arguments: by the names of the state machine.
            token: of the task, see `to_api`.
            metadata: whether the answer says how it came, as the result of a task does.

        Raises:
            Fault: the service's refusal, in the optimized integrations' form.
        """
        operation = self.operation(action)
        try:
            answer = await self.request(operation, to_api(arguments, operation, token=token))
        except ApiError as error:
            raise self.fault(error, operation) from error
        seen = from_api(answer, operation, _whole_ms, capitalised)
        return with_metadata(seen, answer) if metadata else seen

    async def look(self, operation: OperationModel, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Call an operation with the API's own parameters; the answer as the state sees it. Raises ApiError."""
        return from_api(await self.request(operation, parameters), operation, _whole_ms, capitalised)

    async def request(self, operation: OperationModel, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Call an operation with the API's own parameters; raises ApiError."""
        return await self._callers.of(self.service).call(operation.name, parameters)

    def fault(self, error: ApiError, operation: OperationModel) -> Fault:
        """An API's refusal as error name and cause."""
        if error.code == "SdkClientException":
            return Fault(f"{self.prefix}.SdkClientException", error.message)
        shape = error.fields.get("Shape", error.code)
        modelled = shape in operation.service_model.shape_names
        name = exception_name(shape) if modelled else self.java_exception
        request_id = error.fields.get("RequestId") or uuid.uuid4()
        cause = (
            f"{error.message} (Service: {self.java_service}; Status Code: {error.status}; Error Code: {error.code}; "
            f"Request ID: {request_id}; Proxy: null)"
        )
        return Fault(f"{self.prefix}.{name}", cause)


def with_metadata(seen: dict[str, JsonValue], answer: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """An answer with `SdkHttpMetadata` and `SdkResponseMetadata`; those of a service in this process are made up."""
    told = answer.get("ResponseMetadata") or _in_process(seen)
    every: dict[str, list[str]] = {}
    for name, value in told["HTTPHeaders"]:
        every.setdefault(name, []).append(value)
    http = {
        "AllHttpHeaders": every,
        "HttpHeaders": {name: values[-1] for name, values in every.items()},
        "HttpStatusCode": told["HTTPStatusCode"],
    }
    response = {"RequestId": told["RequestId"]}
    return dict(sorted((seen | {"SdkHttpMetadata": http, "SdkResponseMetadata": response}).items()))


def _in_process(seen: JsonValue) -> dict[str, JsonValue]:
    """What the HTTP answer of one of our own services would have said."""
    request_id = str(uuid.uuid4())
    headers = [
        ["x-amzn-RequestId", request_id],
        ["connection", "keep-alive"],
        ["Content-Length", str(len(dumpb(seen)))],
        ["Date", formatdate(time.time(), usegmt=True)],
        ["Content-Type", "application/x-amz-json-1.0"],
    ]
    return {"RequestId": request_id, "HTTPStatusCode": 200, "HTTPHeaders": headers}


def _whole_ms(epoch_ms: int) -> JsonValue:
    return epoch_ms
