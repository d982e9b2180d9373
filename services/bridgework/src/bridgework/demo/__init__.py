"""The demo: a practice moves, people edit, a delta follows, and everything is proven."""
