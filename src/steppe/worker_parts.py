"""What a worker process is put together from, and who answers the calls of tasks in any process.

Apart from `assemble`, so that a worker does not import what only the server needs: the SQL engine, the database, the
HTTP server cost each worker more than a second of its processor.
"""

from __future__ import annotations

from collections.abc import Mapping

from steppe.integrations.caller import ANY_SERVICE, Callers
from steppe.integrations.connections import read_connections
from steppe.integrations.task_caller import TaskCaller
from steppe.maprun.sources import Places
from steppe.maprun.worker import WorkerContext
from steppe.objects.filesystem import FilesystemObjectStore
from steppe.runtime.system import now_ms
from steppe.services.s3 import operations as s3_operations
from steppe.settings import Settings
from steppe.wire.request import Operations

SERVED = ("athena", "glue", "s3", "stepfunctions", "sts")
"""botocore's names of the services that this program serves."""


def callers(settings: Settings, *, local: Mapping[str, Operations], server_url: str = "") -> Callers:
    """Who answers the API calls of tasks.

    Args:
        settings: endpoints that the user named, and keys.
        local: services of this process.
        server_url: in a worker, the server that has the services which this process has not; "" in the server.
    """
    served = {} if not server_url else {name: server_url for name in SERVED if name not in local}
    return Callers(
        local=local,
        endpoints=served | dict(settings.endpoints),
        region=settings.region,
        credentials=lambda service: _keys(settings, service),
    )


def _keys(settings: Settings, service: str) -> tuple[str, ...]:
    """Access key id, secret and perhaps session token for calls to a service's endpoint."""
    named = settings.endpoint_keys.get(service) or settings.endpoint_keys.get(ANY_SERVICE)
    if named is not None and (service not in SERVED or service in settings.endpoints):
        return tuple(named.split(":", 2))
    return next(iter(settings.access_keys.items()), ("steppe", "steppe"))


def worker_context(settings: Settings, server_url: str) -> WorkerContext:
    """What a worker process has: the object stores, and tasks that call S3 here and the rest at the server."""
    objects = FilesystemObjectStore(settings.data_dir / "s3")
    local = {"s3": s3_operations(objects, region=settings.region, account=settings.account)}
    places = Places(
        objects=objects,
        internal=FilesystemObjectStore(settings.data_dir / "internal"),
        account=settings.account,
    )
    tasks = TaskCaller(
        callers(settings, local=local, server_url=server_url), connections=read_connections(settings.connections)
    )
    return WorkerContext(places=places, tasks=tasks, clock=now_ms)
