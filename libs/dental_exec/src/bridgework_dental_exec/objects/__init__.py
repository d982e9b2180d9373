"""One builder per canonical object: which rows it folds, and which rows end without travelling."""

from bridgework_dental_exec.objects.base import Builder
from bridgework_dental_exec.objects.clinic import (
    AppointmentBuilder,
    NoteBuilder,
    PerioExamBuilder,
    ProductionGoalBuilder,
    TaskBuilder,
)
from bridgework_dental_exec.objects.money import AccountBuilder, ClaimBuilder, LedgerBuilder
from bridgework_dental_exec.objects.patients import PatientBuilder
from bridgework_dental_exec.objects.people import CarrierBuilder, LocationBuilder
from bridgework_dental_exec.objects.treatment import TreatmentItemBuilder, TreatmentPlanBuilder

BUILDERS: dict[str, type[Builder]] = {
    builder.object: builder
    for builder in (
        CarrierBuilder,
        LocationBuilder,
        ProductionGoalBuilder,
        PatientBuilder,
        TreatmentPlanBuilder,
        TreatmentItemBuilder,
        AccountBuilder,
        LedgerBuilder,
        ClaimBuilder,
        PerioExamBuilder,
        AppointmentBuilder,
        TaskBuilder,
        NoteBuilder,
    )
}
"""Object → builder, in wave order."""

WAVE_ORDER: tuple[str, ...] = tuple(BUILDERS)
FILE_OBJECTS: tuple[str, ...] = ("document", "note_image")
PART_PARENT: dict[str, str] = {
    part: name for name, builder in BUILDERS.items() for part in builder.parts
} | {"guarantor": "account"}
"""Part object → object it is folded into."""
