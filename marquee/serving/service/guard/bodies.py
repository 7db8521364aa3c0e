"""A request's body: JSON and said to be, not too large, no key twice."""

import json
from collections.abc import Iterable
from typing import Any

import orjson
from starlette.types import Receive, Scope

from marquee.serving.service.refusal import JSON, Refused


def check_headers(scope: Scope, most: int) -> None:
    """What can be refused before a byte of the body is read.

    Only a page of this service's own address may send `application/json` without its browser asking first: a
    POST of another media type, or of none, could come from anybody's page.

    Raises:
        Refused: a POST that is not JSON, a length above the limit, or two ways to tell where the body ends.
    """
    headers = scope["headers"]
    if scope["method"] == "POST":
        _check_media_types(_values(headers, b"content-type"))
    lengths = _values(headers, b"content-length")
    if lengths and _values(headers, b"transfer-encoding"):
        raise Refused.because(400, "give Content-Length or Transfer-Encoding, not both")
    if any(int(length) > most for length in lengths):
        raise too_large(most)


def _check_media_types(given: list[bytes]) -> None:
    media_types = [value.decode("latin-1").partition(";")[0].strip().lower() for value in given]
    if media_types != [JSON]:
        received = ", ".join(media_types) or "none"
        raise Refused.because(415, f"Content-Type must be {JSON}; received {received}")


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def too_large(most: int) -> Refused:
    """The refusal of a body above the limit."""
    return Refused.because(413, f"the body must be at most {most} bytes")


async def read(receive: Receive, most: int) -> bytes:
    """The whole body, before anything is computed for it.

    Raises:
        Refused: it is larger than `most` bytes.
    """
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused.because(400, "the body ends before its end")  # nobody hears it, nothing is done
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > most:
            raise too_large(most)
        more = message.get("more_body", False)
    return b"".join(parts)


def require_unique_keys(body: bytes) -> None:
    """Refuse a key that an object has twice: parsers differ in which of the two counts.

    A body without escapes has two quotes for each of its texts, keys included. Written again from what was
    parsed it lacks those of the keys that were dropped: to count is faster than to look at each object.
    What is no JSON passes: the types say what is wrong with it.

    Raises:
        Refused: a key comes twice; the refusal names it.
    """
    if b"\\" not in body:
        try:
            written = orjson.dumps(orjson.loads(body))
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return
        if written.count(b'"') == body.count(b'"'):
            return
    try:
        json.loads(body, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused.because(400, "the key comes twice in one object; give it once", twice[:100])
    return found
