"""PostgreSQL and Kafka as child processes of a laptop or a test session."""
