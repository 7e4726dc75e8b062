"""Tasks whose services are all one HTTP server of the test's own."""

import pytest

from steppe.integrations.caller import Callers
from steppe.integrations.connections import read_connections
from steppe.integrations.task_caller import TaskCaller
from steppe.testing.http_stub import HttpStub


@pytest.fixture
def stub():
    with HttpStub() as server:
        yield server


@pytest.fixture
async def tasks(stub):
    """Runs tasks: every service is the stub; `connections` are those of `CONNECTIONS`."""
    callers = Callers(
        local={}, endpoints={"*": stub.url}, region="us-east-1", credentials=lambda _service: ("key", "secret")
    )
    caller = TaskCaller(callers, connections=_connections(stub.url))
    yield caller
    await caller.close()
    await callers.close()


def _connections(url):
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
