"""Dental-Exec exports: readers, dialects, sealed snapshots, canonical records, recalls."""
