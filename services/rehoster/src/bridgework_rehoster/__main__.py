"""Starts the rehoster: settings → logging → app → run."""

import sys

from bridgework_rehoster.app import open_app
from bridgework_rehoster.settings import Settings
from bridgework_service.lifecycle import main

if __name__ == "__main__":
    sys.exit(main(open_app, Settings))
