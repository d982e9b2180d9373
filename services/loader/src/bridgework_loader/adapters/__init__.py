"""PostgreSQL and Zoho behind the loader's own words."""
