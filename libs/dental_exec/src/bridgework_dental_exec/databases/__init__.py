"""Databases an export holds or names: files, servers, and how their tables are read."""
