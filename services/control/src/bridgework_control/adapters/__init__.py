"""What control speaks to: Zoho's metadata and users, the reconciler."""
