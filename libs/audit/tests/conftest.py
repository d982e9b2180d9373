"""A small synthetic practice, sealed and audited once; a folder for hand-written exports."""

from pathlib import Path

import pytest
from bridgework_synthetic import generate

from libs.audit.tests.kit import Audited, Auditor, Practice, audit_folder


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """A practice of 150 patients with every defect at its usual rate."""
    folder = tmp_path_factory.mktemp("practice")
    generate(folder, patients=150, seed=11, dialect="a", defects=1.0)
    return Practice(folder)


@pytest.fixture(scope="session")
def audited(practice: Practice, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """The practice's audit with all places kept."""
    return audit_folder(practice.export, tmp_path_factory.mktemp("audited"), places=None)


@pytest.fixture
def auditor(tmp_path: Path) -> Auditor:
    """Audit an export given as file name → text."""

    def audit(files: dict[str, str], **how: object) -> Audited:
        folder = tmp_path / "export"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return audit_folder(folder, tmp_path / "work", **how)  # type: ignore[arg-type]  # test's

    return audit
