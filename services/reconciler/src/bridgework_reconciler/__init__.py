"""Counts, compares, journals, and undoes."""
