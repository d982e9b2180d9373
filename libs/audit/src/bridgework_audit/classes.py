"""The defect classes a report speaks of, and which problem codes belong to each."""

from typing import Final, Literal, NamedTuple

Weight = Literal["decide", "lost", "kept", "habit"]
"""What a class asks for: a person's decision; a value that could not be carried; a value that was
normalised or kept as printed; a harmless way of writing."""


class DefectClass(NamedTuple):
    """A class of defects."""

    title: str
    family: str
    weight: Weight
    codes: tuple[str, ...] = ()


CLASSES: Final[dict[str, DefectClass]] = {
    "duplicate_patient": DefectClass("Same person under two numbers", "people", "decide"),
    "look_alike": DefectClass("Look-alikes that must stay separate", "people", "decide"),
    "namesake_unclear": DefectClass(
        "Namesakes of one household, perhaps one person with a wrong birth date", "people", "decide"
    ),
    "patient_number_used_twice": DefectClass(
        "Patient number used by two people", "people", "decide",
        ("purged_patient", "number_used_twice"),
    ),
    "purged_patient_row": DefectClass(
        "Row of a purged patient under a reused number", "people", "decide",
        ("patient_number_reused",),
    ),
    "chart_number_shared": DefectClass(
        "Chart number used by two people", "people", "decide", ("chart_number_shared",)
    ),
    "key_used_twice": DefectClass("Number used by two rows", "keys", "lost", ("key_used_twice",)),
    "key_missing": DefectClass("Row without a number", "keys", "lost", ("key_missing",)),
    "row_twice": DefectClass("Row printed twice", "keys", "kept", ("same_row_twice",)),
    "orphan": DefectClass("Row whose parent is not in the export", "references", "decide",
                          ("parent_missing",)),
    "reference_unknown": DefectClass(
        "Reference to something nobody knows", "references", "kept",
        ("carrier_unknown", "provider_unknown", "reference_unreadable"),
    ),
    "carrier_spelling": DefectClass(
        "Carrier under several spellings", "references", "habit", ("same_carrier",)
    ),
    "coverage_differs": DefectClass(
        "Patient row and coverage list disagree", "references", "kept", ("coverage_differs",)
    ),
    "shared_initials": DefectClass("Initials shared by two providers", "people", "decide"),
    "note_author_unclear": DefectClass(
        "Note whose author is not certain", "people", "lost",
        ("author_initials_shared", "author_unknown"),
    ),
    "provider_departed_without_email": DefectClass(
        "Departed provider without an e-mail", "people", "decide"
    ),
    "provider_email_blank": DefectClass("Provider without an e-mail", "people", "decide"),
    "provider_email_shared": DefectClass("E-mail shared by two providers", "people", "decide"),
    "npi_blank": DefectClass("Clinician without an NPI", "people", "decide"),
    "npi_check_digit": DefectClass("NPI fails its check digit", "people", "kept",
                                   ("npi_check_digit",)),
    "impossible_date": DefectClass(
        "Impossible date", "dates", "lost", ("date_impossible", "date_future")
    ),
    "date_unreadable": DefectClass("Date that cannot be read", "dates", "lost",
                                   ("date_unreadable",)),
    "day_month_swapped": DefectClass(
        "Day and month swapped", "dates", "kept", ("date_swapped", "date_swapped_block")
    ),
    "date_ambiguous": DefectClass("Day or month uncertain", "dates", "decide",
                                  ("date_ambiguous",)),
    "date_serial": DefectClass("Date replaced by a day number", "dates", "kept", ("date_serial",)),
    "century_guessed": DefectClass("Birth date without its century", "dates", "kept"),
    "date_before_birth": DefectClass(
        "Two-digit year read as the older century", "dates", "kept", ("date_before_birth",)
    ),
    "dated_before_patient": DefectClass(
        "Older than the patient's own record", "dates", "kept", ("dated_before_patient",)
    ),
    "time_unreadable": DefectClass("Time that cannot be read", "dates", "lost",
                                   ("time_unreadable",)),
    "money_unreadable": DefectClass("Amount that cannot be read", "money", "lost",
                                    ("money_unreadable",)),
    "money_rounded": DefectClass("Amount with more than two decimals", "money", "kept",
                                 ("money_rounded",)),
    "money_sign_odd": DefectClass("Sign contradicts the kind of entry", "money", "kept",
                                  ("money_sign_odd",)),
    "balance_differs": DefectClass("Ledger does not sum to the stored balance", "money", "decide",
                                   ("balance_differs",)),
    "number_unreadable": DefectClass("Number that cannot be read", "numbers", "lost",
                                     ("number_unreadable",)),
    "number_destroyed": DefectClass("Number shortened by a spreadsheet", "numbers", "lost",
                                    ("number_destroyed",)),
    "spreadsheet_error": DefectClass(
        "Value replaced by a spreadsheet's error", "numbers", "lost"
    ),
    "text_cut": DefectClass("Text cut at a spreadsheet's limit", "text", "lost"),
    "zeros_lost": DefectClass("Number whose leading zeros may be lost", "numbers", "decide"),
    "phone_none": DefectClass("Phone says none", "phones", "kept", ("phone_none",)),
    "phone_no_area_code": DefectClass("Phone without area code", "phones", "lost",
                                      ("phone_no_area_code",)),
    "phone_letters": DefectClass("Phone with letters", "phones", "lost", ("phone_letters",)),
    "phone_unreadable": DefectClass("Phone that cannot be read", "phones", "lost",
                                    ("phone_unreadable",)),
    "phone_words": DefectClass("Phone with words", "phones", "kept", ("phone_words",)),
    "phone_two_numbers": DefectClass("Two phones in one cell", "phones", "kept",
                                     ("phone_two_numbers",)),
    "phone_extension": DefectClass("Phone with extension", "phones", "habit",
                                   ("phone_extension",)),
    "email_unreadable": DefectClass("E-mail that cannot be read", "contact", "lost",
                                    ("email_unreadable",)),
    "email_two": DefectClass("Two e-mails in one cell", "contact", "kept", ("email_two",)),
    "email_case": DefectClass("E-mail in mixed case", "contact", "habit", ("email_case",)),
    "zip_without_zero": DefectClass("Zip without its leading zero", "contact", "kept",
                                    ("zip_zero_restored",)),
    "zip_odd": DefectClass("Zip of an odd form", "contact", "kept", ("zip_odd",)),
    "tooth_fdi": DefectClass("Tooth in FDI notation", "teeth", "kept", ("tooth_fdi",)),
    "tooth_palmer": DefectClass("Tooth in Palmer notation", "teeth", "kept", ("tooth_palmer",)),
    "tooth_excel_date": DefectClass("Tooth range turned into a date", "teeth", "kept",
                                    ("tooth_excel_date",)),
    "tooth_unsure": DefectClass("Tooth whose notation is not certain", "teeth", "decide",
                                ("tooth_notation_unsure",)),
    "tooth_unreadable": DefectClass("Tooth that cannot be read", "teeth", "lost",
                                    ("tooth_unreadable",)),
    "surface_order": DefectClass("Surfaces in another order", "teeth", "habit",
                                 ("surface_reordered",)),
    "surface_illegal": DefectClass("Surface this tooth does not have", "teeth", "kept",
                                   ("surface_illegal",)),
    "surface_unreadable": DefectClass("Surface that cannot be read", "teeth", "lost",
                                      ("surface_unreadable",)),
    "perio_unreadable": DefectClass("Perio reading that cannot be read", "teeth", "lost",
                                    ("perio_unreadable",)),
    "code_without_d": DefectClass("Procedure code without D", "codes", "habit"),
    "code_decimal": DefectClass("Procedure code as a decimal", "codes", "habit"),
    "code_other_form": DefectClass("Procedure code in another form", "codes", "habit"),
    "code_suffix": DefectClass("Procedure code with a suffix", "codes", "kept", ("code_suffix",)),
    "code_retired": DefectClass("Retired procedure code", "codes", "kept"),
    "code_unreadable": DefectClass("Procedure code that cannot be read", "codes", "kept",
                                   ("code_unreadable",)),
    "choice_unknown": DefectClass("Word that is not one of the usual ones", "words", "decide",
                                  ("choice_unknown",)),
    "flag_unreadable": DefectClass("Yes or no that is neither", "words", "lost",
                                   ("flag_unreadable",)),
    "alert_only": DefectClass("Drug or premed flag only in the alerts", "words", "kept",
                              ("alert_wins", "flag_disagrees")),
    "control_character": DefectClass("Control character in text", "text", "kept",
                                     ("text_control",)),
    "mojibake": DefectClass("Text decoded twice", "text", "kept", ("text_mojibake",)),
    "mojibake_lost": DefectClass("Characters lost before the export", "text", "lost",
                                 ("text_mojibake_lost",)),
    "file_missing": DefectClass("Document file missing", "files", "lost",
                                ("file_missing", "file_outside")),
    "file_empty": DefectClass("Document file without bytes", "files", "kept", ("file_empty",)),
    "file_over_limit": DefectClass("Document file above the limit", "files", "decide"),
    "file_type_wrong": DefectClass("Document type wrong", "files", "kept", ("mime_wrong",)),
    "dicom_identity": DefectClass("Image names another person", "files", "decide",
                                  ("dicom_identity",)),
    "image_missing": DefectClass("Picture of a note missing", "files", "lost",
                                 ("image_missing",)),
    "image_broken": DefectClass("Picture of a note damaged", "files", "lost", ("image_broken",)),
    "column_missing": DefectClass("Column not in the export", "export", "lost",
                                  ("column_missing",)),
    "row_unreadable": DefectClass("Lines that are no row", "export", "lost"),
    "row_repaired": DefectClass("Row that was repaired while reading", "export", "kept"),
}  # fmt: skip
"""Every class, in the order of the report's families."""

_CLASS_OF: Final = {code: name for name, entry in CLASSES.items() for code in entry.codes}


def class_of(code: str) -> str:
    """Return the class a problem or reason code belongs to; an unknown code is its own class."""
    return _CLASS_OF.get(code, code)


def describe(name: str) -> DefectClass:
    """Return a class's description; an unknown one is described by its name."""
    known = CLASSES.get(name)
    return known or DefectClass(name.replace("_", " ").capitalize(), "other", "kept")
