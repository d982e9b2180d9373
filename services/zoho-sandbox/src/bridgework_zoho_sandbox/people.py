"""Users, profiles and roles of an org."""

from __future__ import annotations

from dataclasses import dataclass, field

from .clock import iso
from .errors import Json


@dataclass(slots=True)
class Person:
    """One user of the org; ``custom`` holds custom fields such as an NPI."""

    id: int
    zuid: int
    first_name: str
    last_name: str
    email: str
    role: str
    profile: str
    time_zone: str
    status: str = "active"
    confirmed: bool = True
    created: int = 0
    modified: int = 0
    custom: Json = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """Return first and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def active(self) -> bool:
        """Return whether the user may own records."""
        return self.status == "active" and self.confirmed

    @property
    def admin(self) -> bool:
        """Return whether the user has the Administrator profile."""
        return self.profile == "Administrator"

    def reference(self) -> Json:
        """Return the user as an owner is shown on a record."""
        return {"name": self.full_name, "id": str(self.id), "email": self.email}

    def short(self) -> Json:
        """Return name and id, as in the answers to writes."""
        return {"name": self.full_name, "id": str(self.id)}

    def to_json(self, org_profiles: dict[str, int], org_roles: dict[str, int]) -> Json:
        """Return the user as the users API shows it."""
        return {
            "id": str(self.id),
            "zuid": str(self.zuid),
            "first_name": self.first_name or None,
            "last_name": self.last_name,
            "full_name": self.full_name,
            "name_format__s": "Salutation,First Name,Last Name",
            "email": self.email,
            "status": self.status,
            "confirm": self.confirmed,
            "role": {"name": self.role, "id": str(org_roles[self.role])},
            "profile": {"name": self.profile, "id": str(org_profiles[self.profile])},
            "time_zone": self.time_zone,
            "locale": "en_US",
            "language": "en_US",
            "country_locale": "en_US",
            "alias": None,
            "phone": None,
            "mobile": None,
            "fax": None,
            "website": None,
            "dob": None,
            "street": None,
            "city": None,
            "state": None,
            "zip": None,
            "country": None,
            "created_time": iso(self.created, self.time_zone),
            "Modified_Time": iso(self.modified, self.time_zone),
            "type__s": "Regular User",
            "category": "regular_user",
            "microsoft": False,
            "personal_account": False,
            **self.custom,
        }
