"""The only writer of files to Zoho."""
