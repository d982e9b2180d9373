"""The event log in PostgreSQL: for one machine, without Kafka."""
