"""Pages and page tokens of list reads (fact sheet §3.4).

``page`` reaches row 2,000. A token is opaque to the client; inside it says after which key the
next page starts, for whom and for which other parameters it was made, and when. It is signed, so
a token that was altered is as invalid as one that was made up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import orjson

from .call import PER_PAGE_MAX, Call
from .clock import iso
from .errors import Json, ZohoError, bad_param

FIELDS_MAX = 50
DISCRETE_ROWS_MAX = 2_000
TOKEN_ROWS_MAX = 100_000
TOKEN_LIFE_S = 24 * 3600
_SIGNATURE_BYTES = 8
SORTABLE = {"id": "id", "Created_Time": "created", "Modified_Time": "modified"}


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page a caller asked for; ``after`` is the last key of the page before."""

    number: int
    per_page: int
    sort_by: str
    descending: bool
    after: list[Any] | None


def fields_param(call: Call) -> list[str]:
    """Return the mandatory ``fields`` parameter as names, at most 50."""
    text = call.param("fields")
    longest = call.org.behaviour.fields_param_max_chars
    if longest is not None and len(text) > longest:
        raise bad_param("fields", maximum_length=longest)
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) > FIELDS_MAX:
        raise ZohoError(
            400,
            "LIMIT_EXCEEDED",
            "fields limit exceeded",
            {"limit": FIELDS_MAX, "param_name": "fields"},
        )
    return names


def ids_param(call: Call, *, most: int) -> list[str] | None:
    """Return the ``ids`` parameter as texts, ``None`` when absent."""
    text = call.params.get("ids")
    if text is None:
        return None
    longest = call.org.behaviour.ids_param_max_chars
    if longest is not None and len(text) > longest:
        raise bad_param("ids", maximum_length=longest)
    ids = [part.strip() for part in text.split(",") if part.strip()]
    if len(ids) > most:
        raise ZohoError(
            400, "LIMIT_EXCEEDED", "ids limit exceeded", {"limit": most, "param_name": "ids"}
        )
    return ids


def _ambiguous(*names: str) -> ZohoError:
    return ZohoError(
        400,
        "AMBIGUITY_DURING_PROCESSING",
        "ambiguity while processing the request",
        {"ambiguity_due_to": [{"param_name": name} for name in names]},
    )


def _fingerprint(call: Call) -> str:
    bound = sorted((k, v) for k, v in call.params.items() if k not in {"page_token", "page"})
    text = orjson.dumps([call.path, str(call.person.id), bound])
    return hashlib.blake2b(text, digest_size=12).hexdigest()


def _sign(call: Call, payload: bytes) -> bytes:
    return hmac.digest(call.org.page_token_key, payload, "sha256")[:_SIGNATURE_BYTES]


def _read_token(call: Call, token: str) -> Json:
    try:
        raw = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
    except ValueError:
        raise bad_param("page_token") from None
    signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(call, payload)):
        raise bad_param("page_token")
    content: Json = orjson.loads(payload)
    if content["for"] != _fingerprint(call):
        raise ZohoError(
            400,
            "TOKEN_BOUND_DATA_MISMATCH",
            "the page token does not match the other parameters",
            {"param_name": "page_token"},
        )
    if call.org.clock.now() - content["at"] > TOKEN_LIFE_S:
        raise ZohoError(
            400, "EXPIRED_VALUE", "the page token has expired", {"param_name": "page_token"}
        )
    return content


def page_request(call: Call, *, default_sort: str = "id", descending: bool = True) -> PageRequest:
    """Read the paging parameters of a list call.

    Raises:
        ZohoError: 400 for ambiguous, stale, foreign or too far pages.
    """
    params = call.params
    if "page" in params and "page_token" in params:
        raise _ambiguous("page", "page_token")
    if "cvid" in params and "sort_by" in params:
        raise _ambiguous("cvid", "sort_by")
    per_page = call.number_param("per_page", PER_PAGE_MAX, most=PER_PAGE_MAX)
    sort_by = params.get("sort_by", default_sort)
    if sort_by not in SORTABLE:
        raise bad_param("sort_by", supported_values=list(SORTABLE))
    order = params.get("sort_order", "desc" if descending else "asc")
    if order not in {"asc", "desc"}:
        raise bad_param("sort_order", supported_values=["asc", "desc"])
    if "page_token" in params:
        content = _read_token(call, params["page_token"])
        number, after = int(content["page"]), content["after"]
        if (number - 1) * per_page >= TOKEN_ROWS_MAX:
            raise ZohoError(
                400,
                "PAGINATION_LIMIT_EXCEEDED",
                "pagination limit exceeded",
                {"limit": TOKEN_ROWS_MAX, "param_name": "page_token"},
            )
        return PageRequest(number, per_page, sort_by, order == "desc", after)
    number = call.number_param("page", 1, most=10**8)
    if number * per_page > DISCRETE_ROWS_MAX:
        raise ZohoError(
            400,
            "DISCRETE_PAGINATION_LIMIT_EXCEEDED",
            "discrete pagination limit exceeded; use page_token",
            {"limit": DISCRETE_ROWS_MAX, "param_name": "page"},
        )
    return PageRequest(number, per_page, sort_by, order == "desc", None)


def page_sql(page: PageRequest) -> tuple[str, str, list[Any]]:
    """Return the extra condition, the order and offset clause, and the condition's values."""
    column = SORTABLE[page.sort_by]
    way, sign = ("desc", "<") if page.descending else ("asc", ">")
    order = f"order by {column} {way}, id {way}" if column != "id" else f"order by id {way}"
    if page.after is None:
        offset = (page.number - 1) * page.per_page
        return "", f"{order} limit {page.per_page + 1} offset {offset}", []
    condition, values = (
        (f" and id {sign} ?", page.after[1:])
        if column == "id"
        else (f" and ({column}, id) {sign} (?, ?)", page.after)
    )
    return condition, f"{order} limit {page.per_page + 1}", values


def page_info(call: Call, page: PageRequest, count: int, last: list[Any] | None) -> Json:
    """Return the ``info`` object; ``last`` is the last key shown when there is more."""
    token = expiry = None
    if last is not None:
        now = call.org.clock.now()
        payload = orjson.dumps(
            {"for": _fingerprint(call), "at": now, "page": page.number + 1, "after": last}
        )
        token = base64.urlsafe_b64encode(_sign(call, payload) + payload).rstrip(b"=").decode()
        expiry = iso(now + TOKEN_LIFE_S, call.person.time_zone)
    return {
        "per_page": page.per_page,
        "count": count,
        "page": page.number,
        "sort_by": page.sort_by,
        "sort_order": "desc" if page.descending else "asc",
        "more_records": last is not None,
        "next_page_token": token,
        "previous_page_token": call.params.get("page_token"),
        "page_token_expiry": expiry,
    }
