"""Zoho's own Python SDK, unmodified, against a sandbox: run as a program, prints one JSON object.

    python sdk_session.py URL CLIENT_ID CLIENT_SECRET REFRESH_TOKEN FOLDER

A process of its own, because the SDK keeps global state and writes token and field files. Each
step is a name and what it saw; a step that fails says why and the next ones go on.
"""

# mypy: disable-error-code="import-untyped"
# The SDK ships neither annotations nor stubs.

from __future__ import annotations

import csv
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.file_store import FileStore
from zohocrmsdk.src.com.zoho.api.logger import Logger
from zohocrmsdk.src.com.zoho.crm.api import (
    HeaderMap,
    Initializer,
    ParameterMap,
    attachments,
    bulk_write,
    coql,
    fields,
    notes,
)
from zohocrmsdk.src.com.zoho.crm.api import modules as modules_api
from zohocrmsdk.src.com.zoho.crm.api import org as org_api
from zohocrmsdk.src.com.zoho.crm.api import record as records
from zohocrmsdk.src.com.zoho.crm.api import users as users_api
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.modules.minified_module import MinifiedModule
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig
from zohocrmsdk.src.com.zoho.crm.api.util import Choice, StreamWrapper

POLLS = 200
POLL_PAUSE_S = 0.02


class Session:
    """The steps, in order; what one step learns the next ones use."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.ids: list[int] = []
        self.attachment = 0
        self.zgid = ""

    def authorise(self, client_id: str, client_secret: str, refresh_token: str) -> Any:
        """Initialise the SDK: it fetches an access token by refresh token."""
        environment = DataCenter.Environment(self.url, f"{self.url}/oauth/v2/token", self.url)
        store = FileStore(file_path=str(self.folder / "tokens.txt"))
        token = OAuthToken(
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=refresh_token,
            find_user=True,
        )
        Initializer.initialize(
            environment=environment,
            token=token,
            store=store,
            sdk_config=SDKConfig(auto_refresh_fields=True, pick_list_validation=False),
            resource_path=str(self.folder),
            logger=Logger.get_instance(
                level=Logger.Levels.ERROR, file_path=str(self.folder / "sdk.log")
            ),
        )
        return bool(token.get_access_token())

    def read_org(self) -> Any:
        """Read the org."""
        [found] = answer(org_api.OrgOperations().get_organization()).get_org()
        self.zgid = str(found.get_zgid())
        return [self.zgid, found.get_license_details().get_paid_type()]

    def read_users(self) -> Any:
        """Read the users."""
        found = answer(users_api.UsersOperations().get_users(ParameterMap())).get_users()
        return [user.get_full_name() for user in found]

    def read_modules(self) -> Any:
        """Read the modules."""
        operations = modules_api.ModulesOperations()
        found = answer(operations.get_modules(ParameterMap(), HeaderMap())).get_modules()
        return [module.get_api_name() for module in found]

    def read_fields(self) -> Any:
        """Read the fields of Contacts."""
        parameters = ParameterMap()
        parameters.add(fields.GetFieldsParam.module, "Contacts")
        found = answer(fields.FieldsOperations().get_fields(parameters)).get_fields()
        return {field.get_api_name(): field.get_length() for field in found}

    def insert(self) -> Any:
        """Insert two Contacts."""
        rows = [contact("Okafor", "ada@example.com"), contact("Novak", "ben@example.com")]
        elements = answer(operations("Contacts").create_records(body(rows))).get_data()
        self.ids = [int(element.get_details()["id"]) for element in elements]
        return [element.get_code().get_value() for element in elements]

    def update(self) -> Any:
        """Update one Contact."""
        row = records.Record()
        row.set_id(self.ids[0])
        row.add_key_value("Title", "Dr")
        return codes(operations("Contacts").update_records(body([row])))

    def upsert(self) -> Any:
        """Upsert: one found by its e-mail, one new."""
        rows = [contact("Okafor", "ada@example.com"), contact("Rossi", "new@example.com")]
        elements = answer(operations("Contacts").upsert_records(body(rows))).get_data()
        return [element.get_action().get_value() for element in elements]

    def get(self) -> Any:
        """Read one Contact."""
        [row] = answer(operations("Contacts").get_record(self.ids[0])).get_data()
        born = row.get_key_value("Date_of_Birth")
        return [row.get_key_value("Last_Name"), row.get_key_value("Title"), born.isoformat()]

    def list(self) -> Any:
        """List Contacts."""
        parameters = ParameterMap()
        parameters.add(records.GetRecordsParam.fields, "Last_Name,Email")
        found = answer(operations("Contacts").get_records(parameters, HeaderMap())).get_data()
        return sorted(row.get_key_value("Last_Name") for row in found)

    def search(self) -> Any:
        """Search Contacts."""
        parameters = ParameterMap()
        parameters.add(records.SearchRecordsParam.criteria, "(Last_Name:equals:Novak)")
        found = answer(operations("Contacts").search_records(parameters, HeaderMap())).get_data()
        return [row.get_id() == self.ids[1] for row in found]

    def query(self) -> Any:
        """Run a COQL query."""
        request = coql.BodyWrapper()
        request.set_select_query("select Last_Name from Contacts where Title = 'Dr' limit 10")
        found = answer(coql.CoqlOperations().get_records(request)).get_data()
        return [row.get_key_value("Last_Name") for row in found]

    def add_note(self) -> Any:
        """Add a note."""
        note = notes.Note()
        note.set_note_title("Exam")
        note.set_note_content("All well.")
        parent = notes.ParentId()
        parent.set_id(self.ids[0])
        module = MinifiedModule()
        module.set_api_name("Contacts")
        parent.set_module(module)
        note.set_parent_id(parent)
        request = notes.BodyWrapper()
        request.set_data([note])
        return codes(notes.NotesOperations().create_notes(request))

    def upload_attachment(self) -> Any:
        """Upload a file."""
        request = attachments.FileBodyWrapper()
        request.set_file(StreamWrapper(name="x-ray.txt", stream=io.BytesIO(b"bone")))
        call = attachments.AttachmentsOperations().upload_attachments(
            self.ids[0], "Contacts", request
        )
        [element] = answer(call).get_data()
        self.attachment = int(element.get_details()["id"])
        return element.get_code().get_value()

    def download_attachment(self) -> Any:
        """Download it again."""
        operations_ = attachments.AttachmentsOperations()
        call = operations_.get_attachment(self.attachment, self.ids[0], "Contacts")
        stream = answer(call).get_file().get_stream()
        return b"".join(stream).decode()

    def bulk_write(self) -> Any:
        """Upload a zip, create a job, poll it, download its result."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("c.csv", "Last_Name,Email\nBulk One,b1@example.com\nBulk Two,no\n")
        target.seek(0)
        request = bulk_write.FileBodyWrapper()
        request.set_file(StreamWrapper(name="c.zip", stream=target))
        headers = HeaderMap()
        headers.add(bulk_write.UploadFileHeader.feature, "bulk-write")
        headers.add(bulk_write.UploadFileHeader.x_crm_org, self.zgid)
        api = bulk_write.BulkWriteOperations()
        file_id = answer(api.upload_file(request, headers)).get_details()["file_id"]
        job = answer(api.create_bulk_write_job(bulk_request(str(file_id)))).get_details()["id"]
        state = answer(api.get_bulk_write_job_details(str(job)))
        for _ in range(POLLS):
            if state.get_status() == "COMPLETED":
                break
            time.sleep(POLL_PAUSE_S)
            state = answer(api.get_bulk_write_job_details(str(job)))
        call = api.download_bulk_write_result(state.get_result().get_download_url())
        content = b"".join(answer(call).get_file().get_stream())
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            text = archive.read(archive.namelist()[0]).decode()
        return [row[-3] for row in csv.reader(io.StringIO(text))]

    def create_field(self) -> Any:
        """Create a custom field."""
        field = fields.Fields()
        field.set_field_label("Chart Colour")
        field.set_data_type("text")
        field.set_length(50)
        request = fields.BodyWrapper()
        request.set_fields([field])
        parameters = ParameterMap()
        parameters.add(fields.CreateFieldParam.module, "Contacts")
        elements = answer(fields.FieldsOperations().create_field(request, parameters)).get_fields()
        return [element.get_code().get_value() for element in elements]

    def refusal(self) -> Any:
        """Insert a Contact Zoho refuses: the SDK shows code and details of the element."""
        row = records.Record()
        row.add_key_value("Last_Name", "Bad")
        row.add_key_value("Phone", "n/a")
        response = operations("Contacts").create_records(body([row]))
        [element] = response.get_object().get_data()
        details = element.get_details()
        return [element.get_code().get_value(), details["api_name"], response.get_status_code()]

    def delete(self) -> Any:
        """Delete a Contact."""
        parameters = ParameterMap()
        parameters.add(records.DeleteRecordsParam.ids, str(self.ids[1]))
        return codes(operations("Contacts").delete_records(parameters, HeaderMap()))


def operations(module: str) -> Any:
    """Return the record operations of a module."""
    return records.RecordOperations(module)


def answer(response: Any) -> Any:
    """Return the object of an SDK answer; an SDK exception object is a failure."""
    found = response.get_object()
    if type(found).__name__ == "APIException":
        raise RuntimeError(f"{found.get_code().get_value()}: {found.get_details()}")
    return found


def codes(response: Any) -> list[str]:
    """Return the code of every element."""
    return [element.get_code().get_value() for element in answer(response).get_data()]


def contact(name: str, email: str) -> Any:
    """Return a Contact."""
    row = records.Record()
    row.add_key_value("Last_Name", name)
    row.add_key_value("Email", email)
    row.add_key_value("Date_of_Birth", date(1980, 2, 29))
    return row


def body(rows: list[Any]) -> Any:
    """Return a request that writes rows silently."""
    request = records.BodyWrapper()
    request.set_data(rows)
    request.set_trigger([])
    return request


def bulk_request(file_id: str) -> Any:
    """Return a job that inserts Contacts."""
    module = MinifiedModule()
    module.set_api_name("Contacts")
    resource = bulk_write.Resource()
    resource.set_type(Choice("data"))
    resource.set_module(module)
    resource.set_file_id(file_id)
    mappings = []
    for index, name in enumerate(("Last_Name", "Email")):
        mapping = bulk_write.FieldMapping()
        mapping.set_api_name(name)
        mapping.set_index(index)
        mappings.append(mapping)
    resource.set_field_mappings(mappings)
    request = bulk_write.RequestWrapper()
    request.set_operation(Choice("insert"))
    request.set_character_encoding("UTF-8")
    request.set_resource([resource])
    return request


def main() -> None:
    """Run every step and print what they saw."""
    url, client_id, client_secret, refresh_token, folder = sys.argv[1:]
    session = Session(url, Path(folder))
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("authorise", lambda: session.authorise(client_id, client_secret, refresh_token)),
        *(
            (name, getattr(session, name))
            for name in (
                "read_org",
                "read_users",
                "read_modules",
                "read_fields",
                "insert",
                "update",
                "upsert",
                "get",
                "list",
                "search",
                "query",
                "add_note",
                "upload_attachment",
                "download_attachment",
                "bulk_write",
                "create_field",
                "refusal",
                "delete",
            )
        ),
    ]
    seen: dict[str, Any] = {}
    for name, step in steps:
        try:
            seen[name] = {"ok": True, "saw": step()}
        except Exception as problem:  # noqa: BLE001 - the SDK raises its own and anything else
            seen[name] = {"ok": False, "saw": f"{type(problem).__name__}: {problem}"}
    sys.stdout.write(json.dumps(seen, default=str))


if __name__ == "__main__":
    main()
