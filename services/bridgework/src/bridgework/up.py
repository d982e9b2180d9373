"""All six services in one process over embedded PostgreSQL: a laptop, a rehearsal, the demo.

The same ``open_app`` functions run on Kubernetes, a process each; nothing here decides anything.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal

import bridgework_control.app
import bridgework_control.settings
import bridgework_extractor.app
import bridgework_extractor.settings
import bridgework_loader.app
import bridgework_loader.settings
import bridgework_reconciler.app
import bridgework_reconciler.settings
import bridgework_rehoster.app
import bridgework_rehoster.settings
import bridgework_transformer.app
import bridgework_transformer.settings
from bridgework_embedded.kafka import running_kafka
from bridgework_embedded.postgres import PostgresServer
from bridgework_service.lifecycle import run_services
from bridgework_service.logging import configure_logging
from bridgework_service.settings import ServiceSettings, load_settings

from bridgework.home import Home

LogKind = Literal["embedded", "kafka"]
DATABASE = "postgres"

SERVICES: Sequence[tuple[str, Any, type[ServiceSettings]]] = (
    ("control", bridgework_control.app.open_app, bridgework_control.settings.Settings),
    ("extractor", bridgework_extractor.app.open_app, bridgework_extractor.settings.Settings),
    ("transformer", bridgework_transformer.app.open_app, bridgework_transformer.settings.Settings),
    ("loader", bridgework_loader.app.open_app, bridgework_loader.settings.Settings),
    ("rehoster", bridgework_rehoster.app.open_app, bridgework_rehoster.settings.Settings),
    ("reconciler", bridgework_reconciler.app.open_app, bridgework_reconciler.settings.Settings),
)


@dataclass(frozen=True, slots=True)
class Ports:
    """HTTP ports of the six services: control at ``base``, the others behind it."""

    base: int

    def of(self, service: str) -> int:
        """Return a service's port."""
        return self.base + [name for name, _, _ in SERVICES].index(service)


def service_settings(
    name: str,
    *,
    home: Home,
    dsn: str,
    event_log: dict[str, Any],
    ports: Ports,
    log_level: str = "info",
    log_format: str = "json",
) -> dict[str, Any]:
    """Return what one service is told in a one-machine installation.

    Also used to start the services as processes of their own: the same values as environment.
    """
    secrets = home.secrets()
    told: dict[str, Any] = {
        "host": "127.0.0.1",
        "http_port": ports.of(name),
        "instance_id": "alone",  # one process per service here
        "store": {"dsn": dsn, "application_name": f"bridgework-{name}"},
        "event_log": {**event_log, "client_id": f"bridgework-{name}"},
        "master_key": secrets.master_key,
        "log_level": log_level,
        "log_format": log_format,
    }
    if name == "control":
        told |= {
            "bootstrap_api_key": secrets.api_key,
            "reconciler_url": f"http://127.0.0.1:{ports.of('reconciler')}",
            "reports_dir": str(home.reports),
        }
    if name == "extractor":
        told["snapshots_dir"] = str(home.snapshots)
    return told


async def run_up(
    home: Home, *, port: int, log: LogKind, log_level: str, log_format: str, durable: bool = True
) -> int:
    """Start everything and run until interrupted; return the exit code.

    Args:
        home: Keeps database, secrets, snapshots and reports.
        port: The job API's; the other services take the next five.
        log: ``embedded`` (PostgreSQL) or ``kafka`` (``KAFKA_BOOTSTRAP_SERVERS``, else our own).
        log_level: Of all services.
        log_format: ``json`` or ``console``.
        durable: False for a demo whose data nobody needs after a power cut.
    """
    configure_logging(service="bridgework", level=log_level, log_format=log_format)  # type: ignore[arg-type]  # typer checked the choice
    async with AsyncExitStack() as stack:
        server = PostgresServer(home.postgres, durable=durable)
        await server.start()
        stack.push_async_callback(server.stop)
        dsn = server.dsn_for(DATABASE)
        event_log: dict[str, Any] = {"kind": "embedded", "dsn": dsn}
        if log == "kafka":
            bootstrap = await stack.enter_async_context(running_kafka(home.kafka))
            event_log = {"kind": "kafka", "kafka": {"bootstrap_servers": bootstrap}}
        ports = Ports(port)
        services = [
            (
                open_app,
                load_settings(
                    kind,
                    **service_settings(
                        name,
                        home=home,
                        dsn=dsn,
                        event_log=event_log,
                        ports=ports,
                        log_level=log_level,
                        log_format=log_format,
                    ),
                ),
            )
            for name, open_app, kind in SERVICES
        ]
        return await run_services(services)
