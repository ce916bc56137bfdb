"""What schemathesis does not know by itself: how to send JSON line by line, that a key is for one request, and that an
address and a body name the same list."""

import re
import uuid

import schemathesis

KEY = "Idempotency-Key"


@schemathesis.serializer("application/x-ndjson")
def lines(_context, value):
    """A text of lines is sent as it is; what is no text has no lines."""
    return value.encode() if isinstance(value, str) else b""


@schemathesis.hook
def before_call(_context, case, **_kwargs):
    """What was made up as a key may have been before; then it is another request's. A list that is named twice has to be
    the same. What is wrong on purpose stays so."""
    if case.meta and case.meta.generation.mode.is_negative:
        return
    key = (case.headers or {}).get(KEY)
    if isinstance(key, str) and re.fullmatch(r"[!-~]([ -~]{0,253}[!-~])?", key):
        case.headers[KEY] = key[:200].strip() + uuid.uuid4().hex
    query = case.query or {}
    if "list" in query and isinstance(case.body, dict) and "list" in case.body:
        case.body["list"] = query["list"]
