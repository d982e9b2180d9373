"""Messages that could not be handled, kept whole for a person and for replay."""

from typing import Literal

from pydantic import Field

from bridgework_contracts.runs import Frozen


class DeadLetter(Frozen):
    """One undeliverable message. Any consumer loop → a person, who may replay it."""

    type: Literal["DeadLetter"] = "DeadLetter"
    dead_letter_id: str
    topic: str
    partition: int
    offset: int
    key: str | None
    group: str
    service: str
    error_class: str
    code: str
    hint: str = Field(description="What to do; never a value.")
    attempts: int
    headers: dict[str, str] = Field(default_factory=dict)
    value_b64: str = Field(description="The opened value; this message itself is sealed again.")
    at: str = Field(description="UTC, ISO 8601.")
