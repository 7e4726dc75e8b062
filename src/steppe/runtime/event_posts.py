"""Changes of status to an HTTP endpoint: each event is the JSON body of a POST, answered with any 2xx."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import httpx

from steppe.base.jsonvalue import JsonValue, dumpb
from steppe.runtime.status_events import NotTakenError

_SECONDS_MAX = 10.0
_HEADERS = {"Content-Type": "application/json"}


class EventPosts:
    """A `status_events.Sender`. Events are posted one after the other, so that they arrive in order."""

    def __init__(self, url: str, client: Callable[[], httpx.AsyncClient]) -> None:
        self._url = url
        self._client = client

    async def send(self, events: Sequence[dict[str, JsonValue]]) -> None:
        """See `Sender.send`."""
        for event in events:
            try:
                answer = await self._client().post(
                    self._url, content=dumpb(event), headers=_HEADERS, timeout=_SECONDS_MAX
                )
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise NotTakenError(f"{self._url}: {error!r}") from error
            if not answer.is_success:
                raise NotTakenError(f"{self._url} answered {answer.status_code}")

    async def close(self) -> None:
        """See `Sender.close`; the connections belong to somebody else."""
