"""The EventLog port, Kafka and PostgreSQL behind it, and the one consumer loop."""
