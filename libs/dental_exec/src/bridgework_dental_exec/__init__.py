"""Dental-Exec exports, read truthfully: files → sealed snapshot → canonical records.

Nothing here knows topics, tables or Zoho. ``docs/canonical.md`` names what comes out.
"""
