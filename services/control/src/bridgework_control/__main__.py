"""Starts control: settings → logging → app → run."""

import sys

from bridgework_service.lifecycle import main

from bridgework_control.app import open_app
from bridgework_control.settings import Settings

if __name__ == "__main__":
    sys.exit(main(open_app, Settings))
