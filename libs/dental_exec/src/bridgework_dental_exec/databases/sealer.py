"""The tables of a database into a snapshot: which is which, what is left out and why."""

from collections.abc import Mapping
from dataclasses import replace

from bridgework_dental_exec.databases.database import NO_SCAN, Database, StoredTable
from bridgework_dental_exec.databases.place import place_refused
from bridgework_dental_exec.databases.ranges import columns_of, open_table
from bridgework_dental_exec.export import Finding
from bridgework_dental_exec.profile import Profile
from bridgework_dental_exec.rows import column_names
from bridgework_dental_exec.table_sealer import Sealed, Sealer

_FILE_WINS = "This table is there as a file too: the file was read, the database's table was not."
_FIRST_WINS = "Two places hold the same table: only the first was read."
_UNKNOWN = "No table of the profile looks like this table of the database: it was not read."
_VIEW = "Views and virtual tables of a database are not read; what they show stands in tables."
_VIEW_NEEDED = "This is a view, not a table: it was not read. Save it as a table, or as CSV."


class DatabaseSealer:
    """Seals the tables of an export's database, those left out that a file of the export gave.

    A table is the one a person said, else known by its name; one whose name says nothing is matched
    by its columns, after the others, and only where its place is not taken.
    """

    def __init__(self, database: Database, profile: Profile) -> None:
        self._database = database
        self._profile = profile

    def results(self, sealer: Sealer, taken: set[str]) -> list[Sealed]:
        """Return what became of each table and view, in the database's order.

        Args:
            sealer: Writes the tables.
            taken: Profile tables that were read from files.

        Raises:
            SourceUnreadable: A file that is damaged, encrypted or of a newer version; a table that
                was named and is not there.
            SourceUnavailable: A server does not answer.
            ConfigurationError: A server refuses the operator's connection.
        """
        database = self._database
        with database.held():
            places, left = self._matched(database.tables(), taken)
            scan = database.scan() if places else NO_SCAN
            return left + [
                sealer.seal(table, open_table(database, places[name], table, scan))
                for name, table in self._profile.tables.items()
                if name in places
            ]

    def _matched(
        self, stored: list[StoredTable], taken: set[str]
    ) -> tuple[dict[str, StoredTable], list[Sealed]]:
        """Return profile table → stored table, and the findings of those left out."""
        self._check(stored)
        places: dict[str, StoredTable] = {}
        left: list[Sealed] = []
        unnamed: list[StoredTable] = []
        for one in (one for one in stored if one.kind == "table"):
            named = self._profile.named(one.path[-1])
            name = one.holds or (named.name if named is not None else "")
            if not name:
                unnamed.append(one)
            elif name in taken:
                left.append(_left(one, "table_twice", _FILE_WINS))
            elif places.setdefault(name, one) is not one:
                left.append(_left(one, "table_twice", _FIRST_WINS))
        for one in unnamed:
            table = self._profile.match_table(one.path[-1], self._header(one))
            if table is None:
                left.append(_left(one, "table_unknown", _UNKNOWN))
            elif table.name in taken or table.name in places:
                left.append(_left(one, "table_twice", _FIRST_WINS))
            else:
                places[table.name] = one
        for one in (one for one in stored if one.kind == "view"):
            table = self._profile.named(one.path[-1])
            needed = table is not None and table.name not in taken and table.name not in places
            code = "table_unknown" if needed else "view_not_read"
            left.append(_left(one, code, _VIEW_NEEDED if needed else _VIEW))
        return self._ordered(places), left

    def _check(self, stored: list[StoredTable]) -> None:
        """Refuse what a person said about tables the profile does not have."""
        said = {"tables": [one.holds for one in stored if one.holds], "order": self._database.order}
        for field, names in said.items():
            for name in names:
                if name not in self._profile.tables:
                    raise place_refused(
                        self._database.file,
                        field,
                        "One of its names is no table of the profile.",
                        remedy=f"Use these names: {', '.join(self._profile.tables)}.",
                    )

    def _ordered(self, places: Mapping[str, StoredTable]) -> dict[str, StoredTable]:
        order = self._database.order
        return {
            name: replace(one, ordered=order[name]) if name in order else one
            for name, one in places.items()
        }

    def _header(self, one: StoredTable) -> list[str]:
        return column_names(list(one.columns) or columns_of(self._database, one)[0])


def _left(stored: StoredTable, code: str, sentence: str) -> Sealed:
    return Sealed(None, findings=[Finding(stored.shown, code, sentence)])
