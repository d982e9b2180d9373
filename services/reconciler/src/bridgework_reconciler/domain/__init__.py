"""Pure decisions of the reconciler: counting, settling, comparing, reporting."""
