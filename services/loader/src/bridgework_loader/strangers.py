"""Does a module hold records that carry our source ids and that our crosswalk does not know?

On the first load it does not, and asking about every batch would double the calls. So once per run
and module the records that carry a source id are counted: as many as we know means that nobody
else's can be there, and an upsert cannot overwrite anything blindly.
"""

import asyncio

from bridgework_contracts.ids import RunId
from bridgework_contracts.writes import WriteRecord

from bridgework_loader.adapters.crosswalk import Crosswalk
from bridgework_loader.adapters.ledger import WriteLedger
from bridgework_loader.ports import Destination

NOTES = "Notes"


class StrangerWatch:
    """Remembers the answer per run and module."""

    def __init__(
        self, *, destination: Destination, crosswalk: Crosswalk, ledger: WriteLedger
    ) -> None:
        self._destination = destination
        self._crosswalk = crosswalk
        self._ledger = ledger
        self._possible: dict[tuple[RunId, str], bool] = {}
        self._asking = asyncio.Lock()

    async def possible(self, write: WriteRecord) -> bool:
        """Tell whether a record to be created may be there already, unknown to us.

        Notes cannot be counted by a source id: False; their markers are asked about after a lost
        request only.
        """
        if write.external_id_field is None or write.module == NOTES:
            return False
        key = (write.run_id, write.module)
        async with self._asking:
            if key not in self._possible:
                self._possible[key] = await self._look(write.module, write.external_id_field)
        return self._possible[key]

    async def _look(self, module: str, external_id_field: str) -> bool:
        carrying = await self._destination.count_carrying(module, external_id_field)
        # Any difference counts, also fewer: people's deletions may hide what others added.
        return (
            carrying is None
            or carrying != await self._crosswalk.count(module)
            or await self._ledger.open_count(module) > 0
        )
