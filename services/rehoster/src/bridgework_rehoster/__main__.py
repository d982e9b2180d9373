"""Starts the rehoster: settings → logging → app → run."""

import sys

from bridgework_service.lifecycle import main

from bridgework_rehoster.app import open_app
from bridgework_rehoster.settings import Settings

if __name__ == "__main__":
    sys.exit(main(open_app, Settings))
