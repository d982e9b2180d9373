"""Start the sandbox: ``python -m bridgework_zoho_sandbox --port 8765 --data var/zoho``."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvloop

from .server import run
from .settings import Settings


def main() -> None:
    """Read flags over ``SANDBOX_*`` variables and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="bridgework_zoho_sandbox", description=__doc__)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seed", type=Path)
    parser.add_argument(
        "--announce", action="store_true", help='print {"url": …} once the sandbox listens'
    )
    args = vars(parser.parse_args())
    announce = args.pop("announce")
    given = {name: value for name, value in args.items() if value is not None}
    uvloop.run(run(Settings(**given), announce=announce))


if __name__ == "__main__":
    main()
