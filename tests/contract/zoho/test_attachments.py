"""Attachments and files (fact sheet §3.9, §3.10)."""

from __future__ import annotations

import hashlib

import pytest

from tests.contract.zoho.kit import ID, STAMPS, Like, Maker, Org, answers, error, fact, success

UPLOADED = success("attachment uploaded successfully", STAMPS)
MISSING = "4000000000000000001"


@fact("§3.9", "V", "upload of one file: 200 and 'attachment uploaded successfully'")
async def test_upload(zoho: Org) -> None:
    """The whole body."""
    record = await zoho.contact()
    (await zoho.attach(record, b"png")).is_(200, {"data": [UPLOADED]})


@fact("§3.9", "V", "download gives the bytes back")
async def test_download(zoho: Org) -> None:
    """Three megabytes, byte for byte."""
    record = await zoho.contact()
    content = bytes(range(256)) * 12_000
    made = await zoho.attach(record, content)
    answer = await zoho.get(f"/Contacts/{record}/Attachments/{made.id}")
    assert (answer.status, answer.content) == (200, content)
    assert answer.headers["content-disposition"] == 'attachment;filename="x-ray.png"'


@fact("§3.9", "V", "list: fields mandatory, Size in bytes as a string, no hash")
@answers("REQUIRED_PARAM_MISSING")
async def test_list(zoho: Org) -> None:
    """204 for none."""
    record = await zoho.contact()
    path = f"/Contacts/{record}/Attachments"
    (await zoho.get(path)).refused(400, "REQUIRED_PARAM_MISSING", param_name="fields")
    (await zoho.get(path, fields="id")).is_(204, None)
    made = await zoho.attach(record, b"12345", "Scan é.pdf")
    (await zoho.get(path, fields="id,File_Name,Size")).is_(
        200,
        {
            "data": [{"id": made.id, "File_Name": "Scan é.pdf", "Size": "5"}],
            "info": {
                "per_page": 200,
                "count": 1,
                "page": 1,
                "sort_by": "id",
                "sort_order": "desc",
                "more_records": False,
                "next_page_token": None,
                "previous_page_token": None,
                "page_token_expiry": None,
            },
        },
    )


@fact("§3.9", "V", "the same file twice makes two attachments")
async def test_no_deduplication(zoho: Org) -> None:
    """Equal name and content."""
    record = await zoho.contact()
    await zoho.attach(record, b"x")
    await zoho.attach(record, b"x")
    answer = await zoho.get(f"/Contacts/{record}/Attachments", fields="Size")
    assert len(answer.json["data"]) == 2
    state = (await zoho.admin("GET", "/state?module=Attachments")).json["Attachments"]
    assert {row["sha256"] for row in state} == {hashlib.sha256(b"x").hexdigest()}


@fact("§3.9", "V", "a link is an attachment that cannot be downloaded: DOWNLOAD_NOT_ALLOWED")
@answers("DOWNLOAD_NOT_ALLOWED")
async def test_link(zoho: Org) -> None:
    """With the documented message."""
    record = await zoho.contact()
    path = f"/Contacts/{record}/Attachments"
    form = {"attachmentUrl": (None, "https://example.com/a"), "title": (None, "A link")}
    made = await zoho.call("POST", path, files=form)
    made.is_(200, {"data": [UPLOADED]})
    (await zoho.get(f"{path}/{made.id}")).is_(
        400,
        error(
            "DOWNLOAD_NOT_ALLOWED",
            "As it is a linked attachment, you can not download it",
            param_name="id",
        ),
    )


@fact("§3.9", "V", "delete one; again it is INVALID_DATA")
async def test_delete(zoho: Org) -> None:
    """Message 'record deleted'."""
    record = await zoho.contact()
    made = await zoho.attach(record, b"x")
    path = f"/Contacts/{record}/Attachments/{made.id}"
    (await zoho.delete(path)).is_(200, {"data": [success("record deleted", {"id": made.id})]})
    (await zoho.delete(path)).refused(400, "INVALID_DATA", resource_path_index=3)
    (await zoho.get(path)).is_(204, None)


@fact("§3.9", "V", "Zoho's own SDK links by query and deletes by ids; so does the sandbox")
async def test_link_by_query_and_delete_by_ids(zoho: Org) -> None:
    """Unknown ids fail alone."""
    record = await zoho.contact()
    path = f"/Contacts/{record}/Attachments"
    params = {"attachmentUrl": "https://example.com/a", "title": "A link"}
    made = await zoho.call("POST", path, params=params)
    made.is_(200, {"data": [UPLOADED]})
    (await zoho.delete(path, ids=f"{made.id},12")).is_(
        207,
        {
            "data": [
                success("record deleted", {"id": made.id}),
                error("INVALID_DATA", "record not deleted", id="12"),
            ]
        },
    )


@fact("§3.9", "V", "a parent that does not exist: the related id given seems to be invalid")
@answers("INVALID_MODULE")
async def test_unknown_parent(zoho: Org) -> None:
    """resource_path_index 1."""
    (await zoho.attach(MISSING, b"x")).is_(
        400,
        error("INVALID_DATA", "the related id given seems to be invalid", resource_path_index=1),
    )
    answer = await zoho.call("POST", "/Nope/1/Attachments", files={"file": ("a", b"x")})
    answer.refused(400, "INVALID_MODULE", resource_path_index=0)


@fact("§3.9", "V", "one file a call, a file or a link")
@answers("AMBIGUITY_DURING_PROCESSING", "INVALID_REQUEST")
async def test_one_file_a_call(zoho: Org) -> None:
    """Two files, both, none, no multipart."""
    record = await zoho.contact()
    path = f"/Contacts/{record}/Attachments"
    two = [("file", ("a", b"x")), ("file", ("b", b"y"))]
    (await zoho.call("POST", path, files=two)).refused(
        400, "LIMIT_EXCEEDED", limit=1, param_name="file"
    )
    both = {"file": ("a", b"x"), "attachmentUrl": (None, "https://example.com")}
    answer = await zoho.call("POST", path, files=both)
    assert (answer.status, answer.json["code"]) == (400, "AMBIGUITY_DURING_PROCESSING")
    (await zoho.call("POST", path, files={"other": (None, "x")})).refused(
        400, "MANDATORY_NOT_FOUND", param_name="file"
    )
    (await zoho.post(path, {"file": "x"})).refused(400, "INVALID_REQUEST")


@fact("§3.9", "U", "files over the org's limit: 413 (20 MB by default, a setting)")
@answers("FILE_SIZE_MORE_THAN_ALLOWED_SIZE")
async def test_file_over_the_limit(make: Maker) -> None:
    """Limit set low for speed."""
    org = await make(settings={"attachment_max_bytes": 10})
    record = await org.contact()
    assert (await org.attach(record, b"x" * 10)).status == 200
    (await org.attach(record, b"x" * 11)).refused(413, "FILE_SIZE_MORE_THAN_ALLOWED_SIZE", limit=10)


@fact("§3.9", "U", "the attachments of one record together have a limit (a setting)")
@answers("FILE_SIZE_EXCEEDS")
async def test_record_over_its_limit(make: Maker) -> None:
    """Two files of six bytes in ten."""
    org = await make(settings={"attachments_per_record_bytes": 10})
    record = await org.contact()
    assert (await org.attach(record, b"x" * 6)).status == 200
    (await org.attach(record, b"x" * 6)).refused(400, "FILE_SIZE_EXCEEDS", limit=10)


@fact("§3.9", "S", "file storage full: STORAGE_SPACE_EXCEEDED (limit by setting)")
@answers("STORAGE_SPACE_EXCEEDED")
async def test_storage_full(make: Maker) -> None:
    """Of the whole org."""
    org = await make(settings={"file_storage_bytes": 10})
    one, two = await org.contact(), await org.contact()
    assert (await org.attach(one, b"x" * 6)).status == 200
    (await org.attach(two, b"x" * 6)).refused(400, "STORAGE_SPACE_EXCEEDED")


@fact("§3.9", "V", "a body over 100 MB: 413 BODY_SIZE_REACHED")
@answers("BODY_SIZE_REACHED")
async def test_body_over_the_cap(zoho: Org) -> None:
    """The cap of the API, whatever the org allows."""
    await zoho.set(attachment_max_bytes=200 * 1024 * 1024)
    record = await zoho.contact()

    answer = await zoho.attach(record, b"x" * (100 * 1024 * 1024 + 1))
    answer.refused(413, "BODY_SIZE_REACHED", limit=100 * 1024 * 1024)


@fact("§3.10", "V7", "POST /files gives an id per file; GET /files returns the bytes")
async def test_files(zoho: Org) -> None:
    """The message is spelled as Zoho spells it."""
    made = await zoho.call("POST", "/files", files={"file": ("file1.png", b"png")})
    element = success(
        "file1.png uploaded Succesfuly", {"name": "file1.png", "id": Like(r"[0-9a-f]{48}")}
    )
    made.is_(200, {"data": [element]})
    answer = await zoho.get("/files", id=made.first["details"]["id"])
    assert (answer.status, answer.content) == (200, b"png")
    (await zoho.get("/files", id="unknown")).is_(204, None)
    (await zoho.get("/files")).is_(
        400,
        error(
            "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param_name="id"
        ),
    )


@fact("§3.10", "V7", "at most ten files, each at most 20 MB: 415 refuses the whole call")
async def test_files_limits(zoho: Org) -> None:
    """Eleven files; one file too large beside a small one."""
    eleven = [("file", (f"{n}.txt", b"x")) for n in range(11)]
    (await zoho.call("POST", "/files", files=eleven)).refused(400, "INVALID_REQUEST")
    big = [("file", ("a", b"x")), ("file", ("b", b"x" * (20 * 1024 * 1024 + 1)))]
    (await zoho.call("POST", "/files", files=big)).is_(
        415,
        error(
            "FILE_SIZE_MORE_THAN_ALLOWED_SIZE",
            "Please check if the size of the file is in the correct range",
        ),
    )


@pytest.mark.parametrize("module", ["Accounts", "Deals", "Tasks"])
@fact("§3.9", "V", "other modules take attachments alike")
async def test_other_modules_take_attachments(zoho: Org, module: str) -> None:
    """Upload and list."""
    values = {
        "Accounts": {"Account_Name": "x"},
        "Deals": {"Deal_Name": "x", "Stage": "Qualification"},
        "Tasks": {"Subject": "x"},
    }
    record = await zoho.add(module, **values[module])
    path = f"/{module}/{record}/Attachments"
    (await zoho.call("POST", path, files={"file": ("a", b"x")})).is_(200, {"data": [UPLOADED]})
    shown = (await zoho.get(path, fields="Parent_Id")).first["Parent_Id"]
    assert shown == {"module": {"api_name": module, "id": ID}, "name": "x", "id": record}
