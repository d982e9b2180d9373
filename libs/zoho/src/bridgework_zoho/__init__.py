"""An async Zoho CRM v8 client."""
