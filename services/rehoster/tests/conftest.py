"""A practice's files in small: PostgreSQL, the embedded log, a local Zoho, and the rehoster."""

import base64
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bridgework_contracts.codec import encode, headers_for
from bridgework_contracts.ids import RunId, TenantId, message_id
from bridgework_contracts.outcomes import Effect, FileOutcome, Outcome, RecordOutcome
from bridgework_contracts.records import FileExtracted, ParentRef
from bridgework_contracts.runs import Wave
from bridgework_contracts.topics import Subject
from bridgework_eventlog.port import NewRecord
from bridgework_rehoster.app import open_app
from bridgework_rehoster.pacing import OnStep, Pacing, no_step
from bridgework_rehoster.settings import Settings
from bridgework_testkit.settings import common_settings
from bridgework_testkit.zoho_world import ZohoWorld
from bridgework_zoho.local import LocalZoho
from bridgework_zoho.settings import ZohoSettings

QUICK_ZOHO = ZohoSettings(
    backoff_base_s=0.01, backoff_max_s=0.05, max_attempts=2, attachment_verify_size=False
)
QUICK = Pacing(settle_s=0.1, retry_pause_s=0.05, release_interval_s=0.05, release_claim_s=0.3)
MAPPING = {"objects": [{"object": "document", "kind": "file", "parents": ["patient"]}]}
Outcomes = dict[str, FileOutcome]


@dataclass(kw_only=True)
class World(ZohoWorld[Outcomes]):
    """Everything around one tenant; starts and stops rehosters."""

    service = "rehoster"
    reads = (Subject.COMMANDS, Subject.FILES, Subject.OUTCOMES)
    waves = (
        Wave(index=1, objects=("patient",)),
        Wave(index=2, objects=("document", "note_image")),
    )
    mapping = MAPPING
    crashing = Path(__file__).parent / "crashing_rehoster.py"

    folder: Path
    pacing: Pacing = QUICK
    more: dict[str, Any] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)

    async def start(self, on_step: OnStep = no_step) -> None:
        """Start a rehoster in this process."""
        settings = Settings(
            **common_settings(self.dsn),
            zoho=self.zoho_settings,
            pacing=self.pacing,
            keep_for_others=0.0,
            **self.more,
        )
        await self.serve(open_app(settings, on_step=on_step))

    async def land(self, *keys: str, run: str = "run_1") -> None:
        """Create contacts and say so, as the loader does."""
        made = await self.zoho.records.insert("Contacts", [{"Last_Name": key} for key in keys])
        for key, one in zip(keys, made, strict=True):
            self.contacts[key] = one.id or ""
        await self.tell(
            *(
                RecordOutcome(
                    run_id=RunId(run),
                    object="patient",
                    key=key,
                    outcome=Outcome.INSERTED,
                    effect=Effect.CREATED,
                    module="Contacts",
                    zoho_id=self.contacts[key],
                    decided_by="loader",
                )
                for key in keys
            )
        )

    async def tell(self, *outcomes: RecordOutcome) -> None:
        """Append outcomes of records."""
        await self.append(
            Subject.OUTCOMES,
            [
                NewRecord(one.key.encode(), encode(one), headers_for(one, message_id(str(one))))
                for one in outcomes
            ],
        )

    def file(
        self,
        key: str,
        parent: str,
        content: bytes | None = b"%PDF-1.4 a scan",
        *,
        run: str = "run_1",
        inline: bool = False,
        **changes: Any,
    ) -> FileExtracted:
        """A document as the extractor publishes it; ``content`` None is missing in the export."""
        path: Path | None = None
        if content is not None and not inline:
            path = self.folder / f"{run}-{key}.pdf"
            path.write_bytes(content)
        values: dict[str, Any] = {
            "run_id": RunId(run),
            "object": "document",
            "key": key,
            "parent": ParentRef(object="patient", key=parent),
            "name": f"{key}.pdf",
            "mime": "application/pdf",
            "size_bytes": len(content or b""),
            "sha256": None if content is None else hashlib.sha256(content).hexdigest(),
            "path": str(path) if path else None,
            "content_b64": base64.b64encode(content).decode() if content and inline else None,
            "missing_reason": "It is not in the folder." if content is None else None,
            **changes,
        }
        return FileExtracted(**values)

    async def send(self, *files: FileExtracted) -> None:
        """Append files."""
        await self.append(
            Subject.FILES,
            [
                NewRecord(
                    one.parent.key.encode(),
                    encode(one),
                    headers_for(
                        one,
                        message_id(
                            one.run_id, one.type, one.op, one.object, one.key, one.sha256 or ""
                        ),
                        run_id=one.run_id,
                    ),
                )
                for one in files
            ],
        )

    async def outcomes(self, run: str | None = None) -> Outcomes:
        """The last outcome of each file, of one run or of all."""
        return {
            one.key: one
            for one in await self.messages(Subject.OUTCOMES)
            if isinstance(one, FileOutcome) and (run is None or one.run_id == run)
        }

    async def attached(self, parent: str) -> list[tuple[str, bytes]]:
        """Names and contents of a contact's attachments."""
        found: list[tuple[str, bytes]] = []
        for one in await self.zoho.attachments.list("Contacts", self.contacts[parent]):
            content = b""
            async with self.zoho.attachments.download(
                "Contacts", self.contacts[parent], one.id
            ) as download:
                async for chunk in download.chunks():
                    content += chunk
            found.append((one.file_name, content))
        return sorted(found)


@pytest.fixture
async def world(
    database: str, tenant: TenantId, local_zoho: LocalZoho, tmp_path: Path
) -> AsyncIterator[World]:
    """A tenant with its topics and a connected org; no rehoster runs yet."""
    org = await local_zoho.create_org()
    async with World.opened(
        database, tenant, org, zoho_settings=QUICK_ZOHO, folder=tmp_path
    ) as made:
        yield made


def tally(outcomes: Outcomes) -> dict[str, int]:
    """Outcome → number of files."""
    return dict(Counter(one.outcome.value for one in outcomes.values()))


def taken_back(outcome: FileOutcome, run: str) -> FileExtracted:
    """What the reconciler publishes to undo an outcome."""
    return FileExtracted(
        run_id=RunId(run),
        op="delete",
        object=outcome.object,
        key=outcome.key,
        parent=outcome.parent,
        name="",
        mime="",
        size_bytes=0,
        sha256=None,
        zoho_module=outcome.module,
        zoho_parent_id=outcome.zoho_parent_id,
        zoho_id=outcome.zoho_id,
    )
