"""Reads an export, seals a snapshot, publishes records."""
