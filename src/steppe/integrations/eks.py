"""`eks:call` and `eks:runJob[.sync|.waitForTaskToken]`: requests to the Kubernetes API of an Amazon EKS cluster.

The task names the cluster's endpoint and its certificate authority. Requests carry a token as EKS takes it: an STS
GetCallerIdentity request for the cluster, signed with the keys of the `eks` endpoint (setting `endpoint_keys`).
All else of EKS is rows of `table.py`.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping, Sequence

import botocore.auth
import botocore.awsrequest
import httpx

from steppe.base.errors import ApiError, Fault
from steppe.base.jsonvalue import JsonValue, dumpb, dumps
from steppe.integrations.aws_sdk import stable_uuid
from steppe.integrations.caller import Callers
from steppe.integrations.http_exchange import METHODS, Answer, pairs, send, with_query
from steppe.integrations.integration import Integration, TaskCall
from steppe.integrations.rows import find
from steppe.integrations.watch import Watch

_TOKEN_SECONDS = 60
_LOG_LINES_MAX = 1000

Document = dict[str, JsonValue]


class EksTask:
    """The optimized integration with a cluster's own API; what is EKS's API goes to `rows`."""

    def __init__(self, callers: Callers, watch: Watch, rows: Integration) -> None:
        self._callers = callers
        self._watch = watch
        self._rows = rows
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def run(self, call: TaskCall) -> JsonValue:
        """See `Integration.run`."""
        if call.resource.action == "call":
            return _document(await self._call(call.arguments))
        if call.resource.action != "runJob":
            return await self._rows.run(call)
        started = call.submitted_output
        if started is None:
            started = await self._begin(call)
            if call.resource.pattern != "sync":
                return started
            await call.submitted(started)
        return await self._end(call, started)

    async def cancel(self, call: TaskCall) -> None:
        """Delete the job of a task that nobody waits for any more, with its pods."""
        if call.resource.action != "runJob":
            await self._rows.cancel(call)
        elif call.resource.pattern == "sync" and isinstance(call.submitted_output, dict):
            try:
                path = _job_path(call.submitted_output["ResponseBody"])
                await self._request(call.arguments, "DELETE", path, {"propagationPolicy": "Background"})
            except Fault:
                return  # it has ended, or its cluster is gone: there is nothing left to stop

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    async def _call(self, arguments: Document) -> Answer:
        path, method = arguments.get("Path"), arguments.get("Method")
        if not isinstance(path, str) or not path.startswith("/"):
            raise Fault("States.Runtime", "The value for the field 'Path' must be a path that begins with /")
        if method not in METHODS:
            raise Fault("States.Runtime", f"The value for the field 'Method' must be one of {', '.join(METHODS)}")
        return await self._request(
            arguments, method, path, arguments.get("QueryParameters"), body=arguments.get("RequestBody")
        )

    async def _begin(self, call: TaskCall) -> Document:
        """Create the job; one that this task created before a crash is taken as it is."""
        job, namespace = call.arguments.get("Job"), call.arguments.get("Namespace", "default")
        if not isinstance(job, dict) or not isinstance(job.get("metadata"), dict):
            raise Fault("States.Runtime", "The value for the field 'Job' must be a Kubernetes job with metadata")
        metadata = dict(job["metadata"])
        prefix = metadata.pop("generateName", None)
        if "name" not in metadata and isinstance(prefix, str):
            metadata["name"] = prefix + stable_uuid(call.token)[:13]  # the same for a repeated call
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        return _document(await self._request(call.arguments, "POST", path, None, body=job | {"metadata": metadata}))

    async def _end(self, call: TaskCall, started: Document) -> JsonValue:
        path = _job_path(started["ResponseBody"])

        async def look(_jobs: Sequence[JsonValue]) -> Mapping[int, JsonValue]:
            try:
                answer = await self._request(call.arguments, "GET", path, None)
            except Fault as fault:
                unreachable = fault.error == "States.Http.Socket"
                raise ApiError(
                    fault.error or "", fault.cause or "", status=0, fields={"Unreachable": unreachable}
                ) from fault
            ended = _condition(answer.body)
            return {} if ended is None else {0: answer.body}

        try:
            job = await self._watch.ended(("eks", str(call.arguments.get("Endpoint")), path), path, look=look)
        except ApiError as error:
            raise Fault(error.code, error.message) from error
        result: Document = {"Status": find(job, "status")}
        if find(call.arguments, "LogOptions.RetrieveLogs"):
            result = {"logs": {"pods": await self._logs(call, path)}} | result
        if _condition(job) != "Complete":
            raise Fault("States.TaskFailed", dumps(result))
        return result

    async def _logs(self, call: TaskCall, path: str) -> Document:
        """The last lines that the containers of a job's pods wrote, by pod and container."""
        namespace, job = path.split("/")[5], path.rpartition("/")[2]
        base = f"/api/v1/namespaces/{namespace}/pods"
        listed = await self._request(call.arguments, "GET", base, {"labelSelector": f"job-name={job}"})
        found: Document = {}
        for pod in find(listed.body, "items") or []:
            name = str(find(pod, "metadata.name"))
            containers: Document = {}
            for container in find(pod, "spec.containers") or []:
                own = str(find(container, "name"))
                query = {"container": own, "tailLines": _LOG_LINES_MAX}
                answer = await self._request(call.arguments, "GET", f"{base}/{name}/log", query)
                containers[own] = {"log": answer.body}
            found[name] = {"containers": containers}
        return found

    async def _request(
        self, arguments: Document, method: str, path: str, query: JsonValue, *, body: JsonValue = None
    ) -> Answer:
        endpoint, cluster = arguments.get("Endpoint"), arguments.get("ClusterName")
        if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")):
            raise Fault("States.Runtime", "The value for the field 'Endpoint' must be the URL of a cluster")
        if not isinstance(cluster, str):
            raise Fault("States.Runtime", "The field 'ClusterName' is required but was missing")
        headers = [("Authorization", f"Bearer {self._token(cluster)}"), ("Accept", "application/json")]
        content = b"" if body is None else dumpb(body)
        if content:
            headers.append(("Content-Type", "application/json"))
        url = with_query(endpoint.rstrip("/") + path, pairs(query, "QueryParameters"))
        client = self._client(arguments.get("CertificateAuthority"))
        answer = await send(client, method, url, headers=headers, body=content)
        if not 200 <= answer.status < 300:
            raise Fault(f"EKS.{answer.status}", answer.body if isinstance(answer.body, str) else dumps(answer.body))
        return answer

    def _client(self, authority: JsonValue) -> httpx.AsyncClient:
        """Connections that trust the cluster's own certificate authority, and no other."""
        if authority is None:
            return self._callers.http()
        known = self._clients.get(str(authority))
        if known is None:
            try:
                trusted = ssl.create_default_context(cadata=base64.b64decode(str(authority)).decode("ascii"))
            except (ValueError, ssl.SSLError) as error:
                text = f"The value for the field 'CertificateAuthority' is no certificate: {error}"
                raise Fault("States.Runtime", text) from error
            known = self._clients[str(authority)] = httpx.AsyncClient(verify=trusted, trust_env=False)
        return known

    def _token(self, cluster: str) -> str:
        region = self._callers.region
        url = f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
        request = botocore.awsrequest.AWSRequest(method="GET", url=url, headers={"x-k8s-aws-id": cluster})
        keys = self._callers.credentials("eks")
        botocore.auth.SigV4QueryAuth(keys, "sts", region, expires=_TOKEN_SECONDS).add_auth(request)
        return "k8s-aws-v1." + base64.urlsafe_b64encode(str(request.url).encode()).decode().rstrip("=")


def _document(answer: Answer) -> Document:
    return {"ResponseBody": answer.body, "StatusCode": answer.status, "StatusText": answer.reason}


def _job_path(job: JsonValue) -> str:
    name = find(job, "metadata.name")
    if not isinstance(name, str):
        raise Fault("EKS.InvalidResponse", "The cluster's answer names no job")
    return f"/apis/batch/v1/namespaces/{find(job, 'metadata.namespace') or 'default'}/jobs/{name}"


def _condition(job: JsonValue) -> str | None:
    """How a job has ended, "Complete" or "Failed"; None while it runs."""
    for condition in find(job, "status.conditions") or []:
        kind = find(condition, "type")
        if find(condition, "status") == "True" and kind in ("Complete", "Failed"):
            return str(kind)
    return None
