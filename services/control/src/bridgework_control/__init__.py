"""Tenants, jobs, runs, gates: the job API."""
