"""The composition root: from Settings to a running server. `worker_parts` has what its worker processes need.

Nothing below knows which store, executor or endpoint it works with; this file picks them.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from steppe import __version__
from steppe.base.jsonvalue import JsonValue
from steppe.executors.local import LocalExecutor
from steppe.integrations.connections import read_connections
from steppe.integrations.mock_calls import StoredCalls
from steppe.integrations.mocks import MockedTasks, read_mocks
from steppe.integrations.task_caller import TaskCaller
from steppe.interp.execution import Execution
from steppe.interp.history import HistoryEvent
from steppe.maprun.retention import Retention
from steppe.maprun.runs import MapRuns
from steppe.maprun.sources import INTERNAL_BUCKET
from steppe.objects.filesystem import FilesystemObjectStore
from steppe.runtime.driver import Engine
from steppe.runtime.event_posts import EventPosts
from steppe.runtime.line_files import LineFile, LineFolder, Lines, StandardOutput
from steppe.runtime.logs import LogDelivery
from steppe.runtime.outbox import Outbox
from steppe.runtime.status_events import EventBus, EventLines, Sender, StatusEvents
from steppe.runtime.system import now_ms
from steppe.services.app import create_app
from steppe.services.athena.service import AthenaService
from steppe.services.forwarding import Forwarding
from steppe.services.glue.service import glue_operations
from steppe.services.joined_writes import JoinedWrites
from steppe.services.progress import PATH as PROGRESS_PATH
from steppe.services.progress import ProgressStreams
from steppe.services.s3 import operations as s3_operations
from steppe.services.stepfunctions.limits import Limits
from steppe.services.stepfunctions.service import StepFunctionsService
from steppe.services.sts.service import sts_operations
from steppe.settings import Settings
from steppe.stores.database import Database
from steppe.stores.tables import server_secrets
from steppe.wire.request import Operations
from steppe.worker_parts import callers, worker_context

_DAY_MS = 24 * 60 * 60 * 1000


class Server:
    """Everything that one data directory needs, in one process with its workers. Start once, stop once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._socket = _listen(settings.host, settings.port)
        self.url = f"http://{_shown(settings.host)}:{self._socket.getsockname()[1]}"
        self._ready = False
        self._http: _HttpServer | None = None
        self._serving: asyncio.Task[None] | None = None
        data = settings.data_dir
        self.database = Database(data / "steppe.db")
        self.objects = FilesystemObjectStore(data / "s3")
        self.segments = FilesystemObjectStore(data / "internal")
        self.services: dict[str, Operations] = {}
        self.executor = LocalExecutor(
            workers=settings.worker_count, factory=worker_context, arguments=(settings, self.url)
        )
        self.callers = callers(settings, local=self.services)
        self.map_runs = MapRuns(
            database=self.database,
            objects=self.objects,
            segments=self.segments,
            executor=self.executor,
            realm=settings.realm,
            clock=now_ms,
            name_key=_secret(self.database, "child-names"),
            on_outcome=lambda arn, stimulus: self.engine.post(arn, stimulus),
            on_child_task=lambda arn, command: self.engine.child_asks(arn, command),
        )
        self.tasks = TaskCaller(self.callers, connections=read_connections(settings.connections))
        mock_config = None if settings.mock_config is None else read_mocks(settings.mock_config.read_bytes())
        tasks: TaskCaller | MockedTasks = self.tasks
        if mock_config is not None:
            tasks = MockedTasks(self.tasks, mock_config, StoredCalls(self.database, self.callers))
        self.logs = LogDelivery(self.database, _log_lines(settings))
        self.status_events = self._status_events()
        self.engine = Engine(
            database=self.database,
            tasks=tasks,
            map_runs=self.map_runs,
            realm=settings.realm,
            outbox=Outbox(logs=self.logs, events=self.status_events),
        )
        self.engine.observers.append(self._tell_who_waits)
        self.athena = AthenaService(
            database=self.database, objects=self.objects, settings=settings, data_dir=data, clock=now_ms
        )
        self.services["s3"] = s3_operations(self.objects, region=settings.region, account=settings.account)
        self.services["athena"] = self.athena.operations()
        self.services["sts"] = sts_operations(account=settings.account)
        self.services["glue"] = glue_operations(self.database, account=settings.account, clock=now_ms)
        self.stepfunctions = StepFunctionsService(
            database=self.database,
            engine=self.engine,
            map_runs=self.map_runs,
            realm=settings.realm,
            clock=now_ms,
            tasks=self.tasks,
            test_cases=None if mock_config is None else mock_config.refusal,
            limits=Limits.read(settings.limits),
            throttle=settings.throttle,
        )
        self.services["stepfunctions"] = self.stepfunctions.operations()
        self.progress = ProgressStreams(self.map_runs)
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to serve, and go on with what an earlier server left."""
        app = create_app(
            settings=self.settings,
            services=self.services,
            health=self.health,
            pages={PROGRESS_PATH: self.progress.answer},
            forwarder=Forwarding(self.callers) if self.settings.endpoints else None,
        )
        config = uvicorn.Config(
            app,
            http=_HttpProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            backlog=4096,
            # Longer than requests take that are not long polls; within what service managers give us to stop.
            timeout_graceful_shutdown=3,
        )
        self._http = _HttpServer(config)
        self._serving = asyncio.create_task(self._http.serve(sockets=[self._socket]))
        await self.executor.start()
        await self.athena.start()
        self.logs.start()
        if self.status_events is not None:
            self.status_events.start()
        await self.engine.start()
        await self.map_runs.settle()
        await self.stepfunctions.start()
        if self.settings.retention_days:
            self._sweeping = asyncio.create_task(self._retention().run())
        self._ready = True

    def _retention(self) -> Retention:
        return Retention(
            database=self.database,
            internal=self.segments,
            bucket=INTERNAL_BUCKET,
            name_key=_secret(self.database, "child-names"),
            keep_ms=self.settings.retention_days * _DAY_MS,
            clock=now_ms,
        )

    async def stop(self) -> None:
        """Stop serving; what waits goes on after the next start. May be called when `start` failed."""
        self._ready = False
        self.progress.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait([self._sweeping])
        if self._http is not None and self._serving is not None:
            self._http.should_exit = True
            await self._serving
        self._socket.close()
        await self.stepfunctions.stop()
        await self.engine.stop()
        await self.logs.stop()
        if self.status_events is not None:
            await self.status_events.stop()
        await self.map_runs.close()
        await self.executor.close()
        await self.athena.stop()
        await self.tasks.close()
        await self.callers.close()
        self.database.close()

    def _status_events(self) -> StatusEvents | None:
        place = self.settings.status_events
        if not place:
            return None
        sender: Sender
        if place.startswith(("http://", "https://")):
            sender = EventPosts(place, self.callers.http)
        elif place == "events":
            sender = EventBus(lambda: self.callers.of("events"))
        else:
            sender = EventLines(StandardOutput() if place == "-" else LineFile(Path(place)))
        return StatusEvents(self.database, sender, realm=self.settings.realm, clock=now_ms)

    def _tell_who_waits(self, execution: Execution, _events: list[HistoryEvent]) -> None:
        if execution.status != "RUNNING":
            self.tasks.execution_ended(execution.identity.arn)

    def client(self, service: str) -> Operations:
        """The operations of one of our services, to be called in this process."""
        return self.services[service]

    def health(self) -> dict[str, JsonValue]:
        """What /_steppe/health answers beside the status."""
        return {"version": __version__, "services": sorted(self.services), "ready": self._ready}


def _log_lines(settings: Settings) -> Lines:
    """Where the log lines of executions go."""
    if settings.execution_logs == "-":
        return StandardOutput()
    return LineFolder(Path(settings.execution_logs) if settings.execution_logs else settings.data_dir / "logs")


class _HttpProtocol(HttpToolsProtocol):
    """uvicorn's, with one write for each answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type]


class _HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers: the command line has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket: the port is ours, and known, before anything else starts.

    Raises:
        OSError: the port is taken, or the address is not of this machine.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.set_inheritable(False)
    except OSError:
        listener.close()
        raise
    return listener


def _shown(host: str) -> str:
    """An address as it stands in a URL; "every address" is shown as the loopback one."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _secret(database: Database, name: str) -> bytes:
    """A key of this data directory, made at the first start."""

    def make(c: sa.Connection) -> bytes:
        row = c.execute(sa.select(server_secrets.c.value).where(server_secrets.c.name == name)).scalar()
        if row is None:
            row = secrets.token_bytes(32)
            c.execute(sa.insert(server_secrets).values(name=name, value=row))
        return bytes(row)

    return database.write_now(make)
