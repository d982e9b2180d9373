"""Which columns hold health information about a person, judged by their names.

Names only: a value never decides, so the class of a column is the same in every export.
"""

import re
from typing import Final

_PERSON: Final = "last|first|mi|middle|preferred|name|title|employer"
_TEETH: Final = r"(tooth|teeth|surface|surf|code|tooth_list|condition)\d?|measure|mb|b|db|ml|l|dl"
_FEES: Final = "est_fee|actual_fee|ins_est|pat_est|annual_max|deductible"
_RULES: Final = (
    ("government_id", r"(g\d_)?(ssn|sin|dea|state_license|license|passport)"),
    ("birth", r"(g\d_)?(dob|birth|birthday|birth_date|born)"),
    ("contact", r"(.*_)?(phone|email|address\d?|street|zip|city|fax)"),
    ("free_text", r"(notes?\d?|body|subject|memo|remarks?|comments?)"),
    ("insurance", r"ins\d_.*|subscriber_id|subscriber_name|group_no|group_name|g\d_plan|plan_id"),
    ("clinical", rf"{_TEETH}|med_alert|drug_interaction|premed|recall_code|recall_int"),
    ("financial", rf"balance|amount|billed|paid|write_off|check_no|aging_\d+|{_FEES}"),
    ("identity", rf"(g\d_)?({_PERSON})|(chart_no|pat_id|resp_party_id|acct_id|path)"),
    ("identity", r"subscriber_pat_id"),
)
"""The first class whose pattern is the whole name holds."""
_PATTERNS: Final = tuple((name, re.compile(pattern)) for name, pattern in _RULES)
_OF_THE_OFFICE: Final = frozenset(
    {"locations", "carriers", "plans", "proc_codes", "referral_sources", "production_goals"}
)
_OF_STAFF: Final = frozenset({"providers", "staff_users"})


def phi_class(table: str, column: str) -> str:
    """Return the class of a column.

    One of ``identity``, ``birth``, ``contact``, ``government_id``, ``insurance``, ``clinical``,
    ``financial``, ``free_text``, ``staff`` (a person who works there) or ``none``.
    """
    bare = column.lower()
    if table in _OF_THE_OFFICE:
        return "none"
    found = next((name for name, pattern in _PATTERNS if pattern.fullmatch(bare)), None)
    if table in _OF_STAFF:
        return "staff" if found in {"identity", "contact", "government_id"} else "none"
    return found or "none"
