"""What the rehoster speaks to: its tables, the files themselves, Zoho's attachments."""
