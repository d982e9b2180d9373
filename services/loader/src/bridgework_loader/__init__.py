"""The only writer of records to Zoho."""
