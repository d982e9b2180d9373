"""A synthetic dental practice and its answer key, written independently of the readers."""

from bridgework_synthetic.generate import Progress, Summary, evolve, generate
from bridgework_synthetic.recipe import DialectName, Injection
from bridgework_synthetic.scale import generate_rows
from bridgework_synthetic.truth import Truth

__all__ = [
    "DialectName",
    "Injection",
    "Progress",
    "Summary",
    "Truth",
    "evolve",
    "generate",
    "generate_rows",
]
