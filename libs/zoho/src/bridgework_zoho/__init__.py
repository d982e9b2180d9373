"""An async Zoho CRM v8 client."""

from bridgework_zoho.advice import Action, Advice, explain
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.costs import COSTS, Operation, PriceList
from bridgework_zoho.data_centres import DataCentre, Environment
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.metadata import FieldMeta, ModuleMeta, OrgSchema
from bridgework_zoho.notes import NewNote
from bridgework_zoho.paging import Page
from bridgework_zoho.protocols import CreditLedger, SlotLimiter, TokenStore
from bridgework_zoho.results import ElementResult
from bridgework_zoho.settings import ZohoConnection, ZohoSettings
from bridgework_zoho.validation import Policy, PolicyAction, Validator, Verdict

__all__ = [
    "COSTS",
    "Action",
    "Advice",
    "CreditLedger",
    "DataCentre",
    "ElementResult",
    "Environment",
    "FieldMeta",
    "InMemoryCreditLedger",
    "InMemorySlotLimiter",
    "InMemoryTokenStore",
    "ModuleMeta",
    "NewNote",
    "Operation",
    "OrgSchema",
    "Page",
    "Policy",
    "PolicyAction",
    "PriceList",
    "SlotLimiter",
    "TokenStore",
    "Validator",
    "Verdict",
    "ZohoClient",
    "ZohoConnection",
    "ZohoSettings",
    "explain",
]
