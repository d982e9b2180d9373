"""Procedure codes that are no longer in use; old rows keep them, new plans should not.

Bare code numbers only. Codes whose retirement is not certain are left out.
"""

from typing import Final

_NUMBERS: Final = """
0130 0260 0290 0360 0362 0425
1201 1203 1204 1205 1515 1525 1550 1555
2110 2120 2130 2131 2336 2337 2380 2381 2382 2385 2386 2387 2388 2970
3960
4220 4271 4320 4321
5281 5510 5610 5620 5860 5861
6020 6053 6054 6078 6079 6970 6971 6972 6973 6976 6977
7110 7120 7130 7281 7960
8691 8692 8693 8694
9220 9221 9241 9242 9940 9975
"""
RETIRED_CODES: Final = frozenset(f"D{number}" for number in _NUMBERS.split())
