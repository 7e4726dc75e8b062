"""What the optimized integrations share: their error names and causes, and the shape of their answers.

They are older than `aws-sdk:` and speak of the AWS SDK for Java 1: `Athena.InvalidRequestException` with a cause that
names `AmazonAthena` and an error code; dates are whole epoch milliseconds.
"""

from __future__ import annotations

import uuid

from botocore.model import OperationModel

from steppe.base.errors import ApiError, Fault
from steppe.base.jsonvalue import JsonValue
from steppe.integrations.aws_sdk import from_api, to_api
from steppe.integrations.caller import Callers
from steppe.integrations.sdk_names import exception_name, service_model


class OptimizedService:
    """One API as an optimized integration calls it.

    Attributes:
        prefix: of error names ("Athena").
        java_service: in causes, and of the general exception ("AmazonAthena").
    """

    def __init__(self, callers: Callers, *, service: str, prefix: str, java_service: str) -> None:
        self._callers = callers
        self._service = service
        self.prefix = prefix
        self.java_service = java_service

    def operation(self, action: str) -> OperationModel:
        """The operation that an action (camelCase) names."""
        model = service_model(self._service)
        assert model is not None
        return model.operation_model(action[:1].upper() + action[1:])

    async def call(self, action: str, arguments: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Call an action with a state's parameters; the answer as the state sees it.

        Raises:
            Fault: the service's refusal, in the optimized integrations' form.
        """
        operation = self.operation(action)
        try:
            answer = await self._callers.of(self._service).call(operation.name, to_api(arguments, operation))
        except ApiError as error:
            raise self.fault(error, operation) from error
        return from_api(answer, operation, lambda epoch_ms: epoch_ms)

    def fault(self, error: ApiError, operation: OperationModel) -> Fault:
        """An API's refusal as error name and cause."""
        if error.code == "SdkClientException":
            return Fault(f"{self.prefix}.SdkClientException", error.message)
        modelled = error.code in operation.service_model.shape_names
        name = exception_name(error.code) if modelled else f"{self.java_service}Exception"
        cause = (
            f"{error.message} (Service: {self.java_service}; Status Code: {error.status}; Error Code: {error.code}; "
            f"Request ID: {uuid.uuid4()}; Proxy: null)"
        )
        return Fault(f"{self.prefix}.{name}", cause)
