"""What an export holds and what is wrong with it; grade, credits, timeline, price."""

from bridgework_audit.audit import Audit, build_audit
from bridgework_audit.facts import PracticeFacts

__all__ = ["Audit", "PracticeFacts", "build_audit"]
