"""Turns source records into writes by the mapping."""
