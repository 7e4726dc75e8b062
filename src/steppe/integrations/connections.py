"""EventBridge connections for HTTP tasks: how to authorize, and what to add to each request.

steppe is given them in its settings, in the form that EventBridge's CreateConnection takes:

    [connections.stripe]                      # the name in the ARN: ...:connection/stripe/<id>
    AuthorizationType = "API_KEY"             # or BASIC, OAUTH_CLIENT_CREDENTIALS
    [connections.stripe.AuthParameters.ApiKeyAuthParameters]
    ApiKeyName = "Authorization"
    ApiKeyValue = "Bearer sk_..."
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from steppe.base.jsonvalue import JsonValue

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class OAuth:
    """Where and how a token is fetched."""

    url: str
    method: str
    client_id: str
    client_secret: str
    headers: Pairs
    query: Pairs
    body: Pairs


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection.

    Attributes:
        authorization: header that authorizes a request; None with OAuth.
        oauth: None unless the connection fetches tokens.
        headers, query, body: added to every request; they win over the task's.
    """

    authorization: tuple[str, str] | None
    oauth: OAuth | None
    headers: Pairs
    query: Pairs
    body: Pairs


def read_connections(given: Mapping[str, JsonValue]) -> dict[str, Connection]:
    """The connections of the settings, by name.

    Raises:
        ValueError: one is not what CreateConnection takes; the message names it and the member.
    """
    return {name: _connection(name, document) for name, document in given.items()}


def find_connection(connections: Mapping[str, Connection], arn: str) -> Connection | None:
    """The connection of an ARN, `arn:...:connection/<name>/<id>`."""
    parts = arn.rpartition(":connection/")[2].split("/")
    return connections.get(parts[0])


def _connection(name: str, document: JsonValue) -> Connection:
    place = f"connection {name!r}"
    members = _table(document, place)
    unknown = set(members) - {"AuthorizationType", "AuthParameters", "Description", "Name"}
    if unknown:
        raise ValueError(f"{place}: unknown member {sorted(unknown)[0]!r}")
    parameters = _table(members.get("AuthParameters", {}), f"{place}, AuthParameters")
    added = _table(parameters.get("InvocationHttpParameters", {}), f"{place}, InvocationHttpParameters")
    headers, query, body = _http_parameters(added, place)
    kind = members.get("AuthorizationType")
    authorization, oauth = None, None
    if kind == "API_KEY":
        own = _table(parameters.get("ApiKeyAuthParameters"), f"{place}, ApiKeyAuthParameters")
        authorization = (_text(own, "ApiKeyName", place), _text(own, "ApiKeyValue", place))
    elif kind == "BASIC":
        own = _table(parameters.get("BasicAuthParameters"), f"{place}, BasicAuthParameters")
        secret = f"{_text(own, 'Username', place)}:{_text(own, 'Password', place)}"
        authorization = ("Authorization", "Basic " + base64.b64encode(secret.encode()).decode())
    elif kind == "OAUTH_CLIENT_CREDENTIALS":
        oauth = _oauth(_table(parameters.get("OAuthParameters"), f"{place}, OAuthParameters"), place)
    else:
        raise ValueError(f"{place}: AuthorizationType is API_KEY, BASIC or OAUTH_CLIENT_CREDENTIALS, not {kind!r}")
    return Connection(authorization, oauth, headers, query, body)


def _oauth(own: Mapping[str, JsonValue], place: str) -> OAuth:
    client = _table(own.get("ClientParameters"), f"{place}, ClientParameters")
    sent = _table(own.get("OAuthHttpParameters", {}), f"{place}, OAuthHttpParameters")
    method = own.get("HttpMethod", "POST")
    if method not in ("GET", "POST", "PUT"):
        raise ValueError(f"{place}: HttpMethod is GET, POST or PUT, not {method!r}")
    headers, query, body = _http_parameters(sent, place)
    return OAuth(
        url=_text(own, "AuthorizationEndpoint", place),
        method=method,
        client_id=_text(client, "ClientID", place),
        client_secret=_text(client, "ClientSecret", place),
        headers=headers,
        query=query,
        body=body,
    )


def _http_parameters(members: Mapping[str, JsonValue], place: str) -> tuple[Pairs, Pairs, Pairs]:
    names = ("HeaderParameters", "QueryStringParameters", "BodyParameters")
    unknown = set(members) - set(names)
    if unknown:
        raise ValueError(f"{place}: unknown member {sorted(unknown)[0]!r}")
    headers, query, body = (_pairs(members.get(name, []), f"{place}, {name}") for name in names)
    return headers, query, body


def _pairs(listed: JsonValue, place: str) -> Pairs:
    if not isinstance(listed, list):
        raise ValueError(f"{place}: wants a list of Key and Value")
    found = []
    for entry in listed:
        members = _table(entry, place)
        found.append((_text(members, "Key", place), _text(members, "Value", place)))
    return tuple(found)


def _table(document: JsonValue, place: str) -> Mapping[str, JsonValue]:
    if not isinstance(document, Mapping):
        raise ValueError(f"{place}: is missing, or not a table")
    return document


def _text(members: Mapping[str, JsonValue], name: str, place: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or "\n" in value or "\r" in value:
        raise ValueError(f"{place}: {name} is missing, or not a text of one line")
    return value
