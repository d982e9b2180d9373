"""The job API, ``/v1``: its routers put together."""

from fastapi import FastAPI

from bridgework_control.http import dead_letters, jobs, quarantine, runs, tenants
from bridgework_control.http.problems import ProblemDetails, install
from bridgework_control.operations import Control


def build_api(control: Control, bootstrap_api_key: str) -> FastAPI:
    """Return the job API over these operations."""
    app = FastAPI(
        title="Bridgework job API",
        version="1",
        description="Moves a dental practice into Zoho CRM: jobs, gates, runs, outcomes.",
    )
    app.state.control = control
    app.state.bootstrap_api_key = bootstrap_api_key
    install(app)
    for part in (tenants, jobs, runs, quarantine, dead_letters):
        app.include_router(part.router)
    schemas = app.openapi()["components"]["schemas"]
    schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
    return app
