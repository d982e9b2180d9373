"""Long pieces of work a command asks for: fingerprint, undo, diff, report.

Each is queued in PostgreSQL, done one after another per tenant, and safe to do again.
"""
