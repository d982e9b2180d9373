"""Starts the transformer: settings → logging → app → run."""

import sys

from bridgework_service.lifecycle import main

from bridgework_transformer.app import open_app
from bridgework_transformer.settings import Settings

if __name__ == "__main__":
    sys.exit(main(open_app, Settings))
