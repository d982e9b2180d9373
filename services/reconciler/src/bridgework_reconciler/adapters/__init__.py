"""What the reconciler speaks to: its PostgreSQL tables and, for reading only, Zoho."""
