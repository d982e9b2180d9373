"""A synthetic dental practice and its answer key, written independently of the readers."""
