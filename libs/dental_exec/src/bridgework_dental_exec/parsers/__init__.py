"""One subject per module: printed text → value and, where something was odd, a problem code.

Every parser takes the cell's text (never empty) and returns ``(value, code)``; ``code`` is a key
of ``problems.MEANINGS`` or ``None``. A parser never raises and never guesses silently.
"""
