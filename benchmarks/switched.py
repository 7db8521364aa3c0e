"""Marquee's service with a switch, so that one process answers with the event log and without it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from marquee.serving.service.service import READ, service

PATH = "/recording/{state}"
_kept: list[Any] = []

__all__ = ["PATH", "service"]


async def _switch(request: Request) -> Response:
    recording = READ.state.recording
    if not _kept:
        _kept.append(recording.log)
    recording.log = _kept[0] if request.path_params["state"] == "on" else None
    return Response()


READ.router.routes.append(Route(PATH, _switch, methods=["POST"]))
