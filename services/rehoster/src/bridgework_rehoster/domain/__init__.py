"""Pure decisions of the rehoster: no I/O, no framework, nothing but contracts."""
