"""Requests that get no answer, and the one shape of every error."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse
from starlette.types import Message, Scope

from marquee.serving.service.responses import ErrorResponse, Problem

JSON = "application/json"
RETRY_SECONDS = 1
"""What Retry-After asks for: a queue as long as is allowed is worked off by then."""


class Refused(Exception):  # noqa: N818  an answer rather than an error of the service
    """A request that gets no answer: the status, and what is wrong with which field."""

    def __init__(self, status: int, *problems: Problem) -> None:
        super().__init__(*problems)
        self.status = status
        self.problems = list(problems)
        self.headers: Mapping[str, str] = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}

    @classmethod
    def because(cls, status: int, msg: str, *loc: str | int) -> "Refused":
        """With one problem; no `loc`: it is the whole request."""
        return cls(status, Problem(loc=list(loc), msg=msg))

    @classmethod
    def invalid(cls, error: ValidationError) -> "Refused":
        """400 for what breaks the rules of a type."""
        return cls(400, *(Problem(loc=list(one["loc"]), msg=_rule(one["msg"])) for one in error.errors()))

    def response(self) -> JSONResponse:
        """As the caller gets it."""
        return JSONResponse(ErrorResponse(detail=self.problems).model_dump(), self.status, self.headers)


def in_one_shape(scope: Scope, sent: list[Message]) -> list[Message]:
    """An error, whoever wrote it (BentoML, Starlette or this service), as `ErrorResponse`."""
    start, body = sent[0], b"".join(message.get("body", b"") for message in sent[1:])
    content = json.dumps({"detail": _problems(scope, body)}).encode()
    replaced = {b"content-type": JSON.encode(), b"content-length": str(len(content)).encode()}
    kept = [(name, value) for name, value in start["headers"] if name not in replaced]
    return [
        {**start, "headers": [*kept, *replaced.items()]},
        {"type": "http.response.body", "body": content, "more_body": False},
    ]


def _problems(scope: Scope, body: bytes) -> list[dict[str, Any]]:
    try:
        said = json.loads(body)
    except ValueError:
        said = {"error": f"{scope['method']} {scope['path']}: {body.decode(errors='replace')}"}
    if isinstance(said, list) and said:  # BentoML's own errors
        said = said[0]
    if isinstance(said.get("detail"), list):
        return [{"loc": list(one["loc"]), "msg": _rule(one["msg"])} for one in said["detail"]]
    return [{"loc": [], "msg": str(said.get("error", said))}]


def _rule(msg: str) -> str:
    """Without what pydantic puts before a rule of ours."""
    return msg.removeprefix("Value error, ")
