"""`lambda:invoke[.waitForTaskToken]`, and a function's own ARN as the Resource.

What a function answers is JSON, and so is what it gets: the Payload as it is, a Payload that is text as the JSON text
that it holds (recorded in November 2025: "0" reaches the function as the number 0), {} when there is none. An error
of the function is the task's error, under the name that the function gave it.
"""

from __future__ import annotations

from steppe.base.errors import ApiError, Fault
from steppe.base.jsonvalue import JsonError, JsonValue, dumpb, dumps, loads
from steppe.integrations.aws_sdk import to_api
from steppe.integrations.caller import Callers
from steppe.integrations.integration import TaskCall
from steppe.integrations.optimized import OptimizedService, with_metadata

FUNCTION = "function"
"""The action of a Resource that is a function's ARN; `LambdaInvoke.run` finds the ARN in `Resource.service`."""


class LambdaInvoke:
    """The optimized integration with AWS Lambda."""

    def __init__(self, callers: Callers) -> None:
        self._service = OptimizedService(callers, service="lambda", prefix="Lambda", java_service="AWSLambda")

    async def run(self, call: TaskCall) -> JsonValue:
        """See `Integration.run`."""
        if call.resource.action == FUNCTION:
            answer = await self._invoke({"FunctionName": call.resource.service, "Payload": dumpb(call.arguments)})
            if answer.get("FunctionError"):
                raise function_fault(_text(answer))
            return _payload(answer)
        if call.resource.action != "invoke" or call.resource.pattern not in ("", "waitForTaskToken"):
            raise Fault("States.Runtime", f"The resource {call.resource.name} is not supported by steppe.")
        given = call.arguments.get("Payload", {})
        operation = self._service.operation("invoke")
        parameters = to_api({name: value for name, value in call.arguments.items() if name != "Payload"}, operation)
        payload = given.encode("utf-8", "surrogatepass") if isinstance(given, str) else dumpb(given)
        answer = await self._invoke(parameters | {"Payload": payload})
        if answer.get("FunctionError"):
            raise function_fault(_compact(_text(answer)))
        result = {"Payload": _payload(answer), "StatusCode": answer.get("StatusCode", 200)}
        for name in ("ExecutedVersion", "LogResult"):
            if answer.get(name) is not None:
                result[name] = answer[name]
        return with_metadata(result, answer)

    async def cancel(self, call: TaskCall) -> None:
        """Nothing to stop: a function that was invoked runs to its end, on AWS too."""

    async def _invoke(self, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        operation = self._service.operation("invoke")
        try:
            answer = await self._service.request(operation, parameters)
        except ApiError as error:
            raise self._service.fault(error, operation) from error
        return answer


def function_fault(text: str) -> Fault:
    """The error of a function as the task's: named by its `errorType`, the whole document as its cause."""
    try:
        told = loads(text)
    except JsonError:
        told = None
    name = told.get("errorType") if isinstance(told, dict) else None
    if isinstance(name, str) and name:
        return Fault(name, text)
    reason = "The cause could not be determined because Lambda did not return an error type."
    return Fault("Lambda.Unknown", f"{reason} Returned payload: {text}")


def _payload(answer: dict[str, JsonValue]) -> JsonValue:
    """What the function answered; text that is no JSON (of a runtime of its own) as it is."""
    text = _text(answer)
    try:
        return loads(text) if text else None
    except JsonError:
        return text


def _compact(text: str) -> str:
    """JSON without blanks: the cause that `lambda:invoke` gives; a function's ARN gives the runtime's own text.

    Recorded in July 2023 and November 2025, of the same functions.
    """
    try:
        return dumps(loads(text))
    except JsonError:
        return text


def _text(answer: dict[str, JsonValue]) -> str:
    payload = answer.get("Payload") or b""
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else str(payload)
