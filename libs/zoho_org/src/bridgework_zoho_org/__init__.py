"""One org's tokens, credits and concurrency slots, shared by every process through PostgreSQL."""
