"""One Zoho org's tokens, credits and concurrency slots, shared through PostgreSQL."""

from bridgework_zoho_org.credits import PgCreditLedger
from bridgework_zoho_org.opening import OrgProfile, open_zoho
from bridgework_zoho_org.schema import SCHEMA, migrate_zoho_org, migrations_path
from bridgework_zoho_org.slots import PgSlotLimiter, SlotPace
from bridgework_zoho_org.tokens import PgTokenStore, Sealer

__all__ = [
    "SCHEMA",
    "OrgProfile",
    "PgCreditLedger",
    "PgSlotLimiter",
    "PgTokenStore",
    "Sealer",
    "SlotPace",
    "migrate_zoho_org",
    "migrations_path",
    "open_zoho",
]
