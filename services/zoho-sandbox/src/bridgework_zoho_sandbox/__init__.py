"""A local Zoho CRM v8 that behaves like the real one."""
