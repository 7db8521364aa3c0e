"""What is read with GET: the page, movies, the model card, the API's documentation."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from marquee.serving.service import openapi
from marquee.serving.service.refusal import JSON, Refused
from marquee.serving.service.schemas import MovieId, MoviesQuery
from marquee.serving.telemetry import exposition

PAGE = Path(__file__).parent / "page"
DOCUMENTATION = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Marquee: the API</title>
<link rel="stylesheet" href="static_content/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="static_content/swagger-ui-bundle.js"></script>
<script src="ui/api_document.js"></script>
</body>
</html>
"""
"""Swagger UI as BentoML brings it."""
ENDPOINTS = (
    *(operation.path for operation in openapi.OPERATIONS),
    *("/", "/ui/", "/docs", "/docs.json", "/static_content/", "/schema.json"),
)
"""What `traffic.Traffic` tells apart."""

_MOVIE_ID: TypeAdapter[int] = TypeAdapter(MovieId)


class PageFiles(StaticFiles):
    """The page's files; a browser asks whether each is still the same, and never mixes two versions."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file, to be asked about again."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def application() -> Starlette:
    """The routes; `state.deployment` is set once the bundle is open."""
    app = Starlette(
        routes=[
            Route("/", _to_page),
            Route("/ui", _to_page),
            Mount("/ui", PageFiles(directory=PAGE, html=True)),
            Route("/movies", _movies),
            Route("/movies/{movie_id}", _movie),
            Route("/model", _model),
            Route("/docs", _documentation),
            Route("/docs.json", _document),
            Route("/metrics", _metrics),
        ],
        exception_handlers={Refused: _refuse},
    )
    app.router.redirect_slashes = False  # nor BentoML's: guard/security_headers.py
    return app


async def _to_page(request: Request) -> Response:
    return RedirectResponse("ui/")


async def _movies(request: Request) -> Response:
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused.because(400, "it comes twice; give it once", twice[:100])
    try:
        query = MoviesQuery.model_validate_strings(dict(given))
    except ValidationError as error:
        raise Refused.invalid(error) from None
    found = request.app.state.deployment.champion.answers.movies(query)
    return Response(found.model_dump_json(), media_type=JSON)


async def _movie(request: Request) -> Response:
    text = request.path_params["movie_id"]
    try:
        movie_id = _MOVIE_ID.validate_strings(text)
    except ValidationError:
        raise Refused.because(404, f"{text[:20]} is not in the catalogue", "movie_id") from None
    return Response(
        request.app.state.deployment.champion.answers.movie(movie_id).model_dump_json(), media_type=JSON
    )


async def _model(request: Request) -> Response:
    return Response(request.app.state.deployment.champion.model_card, media_type=JSON)


async def _documentation(request: Request) -> Response:
    return HTMLResponse(DOCUMENTATION)


async def _document(request: Request) -> Response:
    return JSONResponse(openapi.document())


async def _metrics(request: Request) -> Response:
    return Response(exposition.exposition(), media_type=exposition.MEDIA_TYPE)


async def _refuse(request: Request, error: Exception) -> Response:
    return error.response() if isinstance(error, Refused) else Response(status_code=500)
