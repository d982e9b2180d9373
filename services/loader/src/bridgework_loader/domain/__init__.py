"""Pure decisions of the loader: no I/O, no framework, nothing but contracts."""
