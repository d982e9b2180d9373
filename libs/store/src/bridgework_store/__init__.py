"""asyncpg pool, SQL migrations, outbox, leases, sealed values."""
