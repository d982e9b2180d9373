"""The book of defects counts all and keeps some."""

from bridgework_audit.book import DefectBook, Place
from bridgework_audit.classes import CLASSES, class_of
from bridgework_contracts.records import Problem
from bridgework_dental_exec.problems import MEANINGS


def place(line: int, column: str = "dob") -> Place:
    """A place in the patients' file."""
    return Place("patients.csv", line, column, "99/99/9999", "Enter the true date.")


def test_every_defect_is_counted_and_the_first_are_kept() -> None:
    """Five defects, three places."""
    book = DefectBook(places=3)
    for line in range(2, 7):
        book.add("impossible_date", place(line))
    assert book["impossible_date"] == 5
    assert [p.line for p in book.places("impossible_date")] == [2, 3, 4]


def test_a_place_counts_once_per_class() -> None:
    """Two records that repeat one cell's problem are one defect; another class is another."""
    book = DefectBook()
    assert book.add("impossible_date", place(2))
    assert not book.add("impossible_date", place(2))
    assert book.add("mojibake", place(2))
    assert (book["impossible_date"], book["mojibake"]) == (1, 1)


def test_places_are_shown_by_file_and_line() -> None:
    """The order of finding does not matter."""
    book = DefectBook()
    for line in (9, 3, 5):
        book.add("impossible_date", place(line))
    shown = book.as_dict()["impossible_date"]
    assert [p["line"] for p in shown["places"]] == [3, 5, 9]
    assert shown["files"] == {"patients.csv": 3}


def test_a_pair_shows_both_lines() -> None:
    """The line of the counterpart is told where there is one."""
    book = DefectBook()
    book.add("duplicate_patient", Place("patients.csv", 9, "", "", "Decide.", other=4))
    (shown,) = book.as_dict()["duplicate_patient"]["places"]
    assert (shown["line"], shown["other_line"]) == (9, 4)


def test_problems_are_filed_under_their_class() -> None:
    """A birth date in the future and the thirtieth of February are both impossible dates."""
    book = DefectBook()
    for line, code in ((2, "date_impossible"), (3, "date_future"), (4, "phone_letters")):
        book.add_problems(
            [Problem(file="patients.csv", line=line, field="dob", code=code, shape="", effect="",
                     remedy="")]
        )  # fmt: skip
    assert {name: book[name] for name in book} == {"impossible_date": 2, "phone_letters": 1}


def test_an_unknown_code_is_a_class_of_its_own() -> None:
    """A new problem of the reader is never swallowed."""
    book = DefectBook()
    book.add(class_of("something_new"), place(2))
    assert book.as_dict()["something_new"]["title"] == "Something new"


SILENT = {
    "code_normalised",  # counted from the cells, by how the code is printed
    "filled_from_duplicate",  # says what a merge did, not what the export lacks
}


def test_every_problem_of_the_reader_has_a_class() -> None:
    """A code that the reader can give is one that the report has words for."""
    known = {code for entry in CLASSES.values() for code in entry.codes}
    assert set(MEANINGS) - known == SILENT
