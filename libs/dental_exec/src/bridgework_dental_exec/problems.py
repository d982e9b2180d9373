"""Every problem code a value can have: what was done about it and what a person may do.

One table, so that a report, a console and a test speak the same words.
"""

from typing import NamedTuple

from bridgework_contracts.records import Problem

from bridgework_dental_exec.quarantine import shape


class Meaning(NamedTuple):
    """What a problem code stands for."""

    effect: str
    remedy: str


_FIX = "Correct the value in Dental-Exec, or in Zoho after the move."
_NONE = "Nothing to do unless the value looks wrong."

MEANINGS: dict[str, Meaning] = {
    "date_impossible": Meaning("left_out", "Enter the true date in Dental-Exec."),
    "date_unreadable": Meaning("left_out", "Enter the date in one of the usual forms."),
    "date_future": Meaning("left_out", "A birth date cannot lie in the future: correct it."),
    "date_swapped": Meaning(
        "normalised", "One workstation writes day and month the other way round: check it."
    ),
    "date_swapped_block": Meaning(
        "normalised", "Read like its neighbours from the same workstation: check the day."
    ),
    "date_ambiguous": Meaning(
        "normalised", "Nothing in the column tells day from month: pin the order if it is wrong."
    ),
    "date_serial": Meaning("normalised", "A spreadsheet replaced the date by a day number."),
    "date_before_birth": Meaning(
        "normalised", "The two-digit year was read as 19xx: the person was seen before 20xx."
    ),
    "time_unreadable": Meaning("left_out", "Enter the time as 08:30 or 8:30 AM."),
    "money_unreadable": Meaning("left_out", _FIX),
    "money_rounded": Meaning("normalised", "More than two decimals were rounded."),
    "money_sign_odd": Meaning("normalised", "The written sign contradicts the kind of entry."),
    "number_unreadable": Meaning("left_out", _FIX),
    "number_destroyed": Meaning(
        "left_out", "A spreadsheet shortened this number: export without opening it in Excel."
    ),
    "phone_none": Meaning("left_out", _NONE),
    "phone_no_area_code": Meaning("left_out", "Add the area code; the text is kept beside."),
    "phone_letters": Meaning("left_out", "Enter the digits; the text is kept beside."),
    "phone_unreadable": Meaning("left_out", "Enter a ten-digit number; the text is kept beside."),
    "phone_words": Meaning("normalised", _NONE),
    "phone_two_numbers": Meaning("normalised", "The first number was taken; both are kept."),
    "phone_extension": Meaning("normalised", _NONE),
    "email_unreadable": Meaning("left_out", "Enter a full address; the text is kept beside."),
    "email_two": Meaning("normalised", "The first address was taken; the text is kept beside."),
    "email_case": Meaning("normalised", _NONE),
    "zip_zero_restored": Meaning("normalised", _NONE),
    "zip_odd": Meaning("kept_raw", _FIX),
    "tooth_fdi": Meaning("normalised", "Written in FDI notation: converted."),
    "tooth_palmer": Meaning("normalised", "Written in Palmer notation: converted."),
    "tooth_excel_date": Meaning("normalised", "A spreadsheet turned the tooth range into a date."),
    "tooth_notation_unsure": Meaning(
        "kept_raw", "This provider sometimes writes FDI: check the tooth on the chart."
    ),
    "tooth_unreadable": Meaning("left_out", "Enter 1-32 or A-T; the text is kept beside."),
    "surface_reordered": Meaning("normalised", _NONE),
    "surface_illegal": Meaning("kept_raw", "This surface does not exist on this tooth: check it."),
    "surface_unreadable": Meaning("left_out", "Enter surfaces as M O D B L F I."),
    "code_normalised": Meaning("normalised", _NONE),
    "code_suffix": Meaning("normalised", "The code's suffix was dropped; the text is kept beside."),
    "code_unreadable": Meaning("kept_raw", "Enter the CDT code or one of your own codes."),
    "choice_unknown": Meaning("kept_raw", "Not one of the usual values: map it or correct it."),
    "flag_unreadable": Meaning("left_out", "Enter Y or N; blank means not asked."),
    "text_control": Meaning("normalised", _NONE),
    "text_mojibake": Meaning("normalised", "Text decoded twice was repaired: read it once."),
    "text_mojibake_lost": Meaning("kept_raw", "Characters were lost before the export: retype."),
    "reference_unreadable": Meaning("kept_raw", _FIX),
    "provider_unknown": Meaning("left_out", "Add this provider to the list, or correct the row."),
    "carrier_unknown": Meaning("left_out", "The printed name is kept; link the carrier by hand."),
    "author_initials_shared": Meaning(
        "left_out", "Two people share these initials: nobody was guessed; the initials are kept."
    ),
    "author_unknown": Meaning("left_out", "Nobody has these initials; they are kept."),
    "npi_check_digit": Meaning("kept_raw", "The NPI fails its check digit: correct it."),
    "alert_wins": Meaning(
        "normalised", "An alert says yes where the patient row does not: yes was kept."
    ),
    "flag_disagrees": Meaning("normalised", "Two files disagree: the safer answer was kept."),
    "balance_differs": Meaning(
        "normalised", "The stored balance is not the sum of the ledger: the sum was taken."
    ),
    "chart_number_shared": Meaning("kept_raw", "Two patients have this chart number."),
    "patient_number_reused": Meaning(
        "normalised", "This row belongs to a purged patient whose number was given out again."
    ),
    "dated_before_patient": Meaning("kept_raw", "Older than the patient's own record: check it."),
    "image_missing": Meaning("left_out", "The picture is not in the export: copy it along."),
    "image_broken": Meaning("left_out", "The picture's data is damaged."),
    "file_missing": Meaning("left_out", "Copy the file into documents/ and run again."),
    "file_empty": Meaning("kept_raw", "The file has no bytes: scan it again."),
    "file_outside": Meaning("left_out", "The path leaves the export: copy the file along."),
    "mime_wrong": Meaning("normalised", _NONE),
    "dicom_identity": Meaning("kept_raw", "The image names another person: check before moving."),
    "perio_unreadable": Meaning("left_out", "Enter whole millimetres."),
    "filled_from_duplicate": Meaning("normalised", "Taken from the merged duplicate."),
    "coverage_differs": Meaning("kept_raw", "The patient row and the coverage list disagree."),
    "column_missing": Meaning("left_out", "Export this column too, if you have it."),
}
"""Problem code → meaning."""


def problem(
    file: str, line: int, field: str, code: str, value: str = "", effect: str | None = None
) -> Problem:
    """Return the contract's ``Problem`` for a code; the value only survives as its shape."""
    meaning = MEANINGS[code]
    return Problem(
        file=file,
        line=line,
        field=field,
        code=code,
        shape=shape(value, 40),
        effect=effect or meaning.effect,
        remedy=meaning.remedy,
    )
