"""Who runs PostgreSQL when we are root: PostgreSQL refuses to, so an unprivileged account must.

That account has to reach the programs and the data. A folder under a 0700 home is out of its reach,
and opening somebody's home is not ours to do; so programs are copied and data is placed elsewhere.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from bridgework_embedded.errors import LauncherError


class PopenIdentity(TypedDict, total=False):
    """The arguments of ``subprocess.Popen`` that change the account of the child."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int

    def popen_arguments(self) -> PopenIdentity:
        """Return what makes a child process run as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, *paths: Path) -> None:
        """Give files or folders (not their contents) to this account."""
        for path in paths:
            os.chown(path, self.uid, self.gid)

    def can_reach(self, path: Path) -> bool:
        """Tell whether this account can list an existing folder or read an existing file."""
        probe = subprocess.run(  # noqa: S603 - constant program, the path is one argument
            ["/bin/ls", "-d", f"{path}/." if path.is_dir() else str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            check=False,
            **self.popen_arguments(),
        )
        return probe.returncode == 0


def server_account() -> Account | None:
    """Return the account PostgreSQL must run as: ``None`` (our own) unless we are root.

    Raises:
        LauncherError: We are root and the machine has neither ``postgres`` nor ``nobody``.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise LauncherError(
        "PostgreSQL does not run as root, and no unprivileged account was found.",
        remedy="Run as an ordinary user, or create an account named postgres.",
    )


def place_within_reach(wanted: Path, account: Account | None) -> Path:
    """Return an existing data folder the server can use: ``wanted`` itself whenever possible.

    When root keeps ``wanted`` where the account cannot go, the data lives in a folder under the
    system's durable temporary folder, derived from ``wanted`` (the same again next time), and
    ``wanted`` holds a note that says where.
    """
    wanted = wanted.absolute()
    wanted.mkdir(parents=True, exist_ok=True)
    if account is None or account.can_reach(wanted):
        return wanted
    name = hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
    base = Path("/var/tmp") if Path("/var/tmp").is_dir() else Path(tempfile.gettempdir())  # noqa: S108 - made and owned by us, checked below
    placed = base / f"bridgework-{name}"
    placed.mkdir(mode=0o755, exist_ok=True)
    _refuse_foreign(placed)
    (wanted / "MOVED.txt").write_text(
        f"The account {account.name} cannot read this folder, and PostgreSQL does not run as "
        f"root.\nThe data is in {placed}\n",
        encoding="utf-8",
    )
    return placed


def programs_within_reach(source: Path, account: Account | None, *, label: str) -> Path:
    """Return a copy of ``source`` (or itself) from which ``account`` can run programs.

    Args:
        source: Folder that holds ``bin`` and ``lib``.
        account: Who will run them; ``None`` means us.
        label: Version of the programs, so that another version gets another copy.
    """
    if account is None or account.can_reach(source / "bin" / "postgres"):
        return source
    copy = Path(tempfile.gettempdir()) / f"bridgework-programs-{label}"
    if copy.is_dir():
        _refuse_foreign(copy)
        return copy
    fresh = Path(tempfile.mkdtemp(prefix="bridgework-programs-"))
    shutil.copytree(source, fresh, dirs_exist_ok=True, symlinks=True)
    fresh.chmod(0o755)
    try:
        fresh.rename(copy)
    except OSError:  # another process was faster; its copy is as good as ours
        shutil.rmtree(fresh)
    return copy


def _refuse_foreign(folder: Path) -> None:
    """Raise unless the folder is ours: names under a shared temporary folder can be squatted."""
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise LauncherError(
            f"{folder} belongs to somebody else.",
            remedy="Remove it, or set TMPDIR to a folder of your own.",
        )
