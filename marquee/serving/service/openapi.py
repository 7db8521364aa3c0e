"""The API as an OpenAPI 3.1 document, from the types that requests and responses are checked against.

BentoML's own document knows its POST endpoints only, and neither our errors nor what may be null.
"""

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from marquee.serving.service import model_card, responses, schemas

REFERENCE = "#/components/schemas/{model}"
STATUS = {
    400: "A field breaks a rule; `detail` names both",
    404: "No such movie",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "The body is not said to be JSON",
    503: "Too much at once, or not answered in time; ask again after Retry-After seconds",
}


@dataclass(frozen=True)
class Operation:
    """One endpoint.

    Attributes:
        method: GET or POST.
        path: with `{movie_id}` where an id stands.
        summary: what it is for.
        response: type of the answer.
        body: type of a POST's body.
        query: type of a GET's parameters.
        errors: statuses it answers with beside 200 and 503.
    """

    method: str
    path: str
    summary: str
    response: type[BaseModel]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    errors: tuple[int, ...] = field(default=())


_POSTED = (400, 408, 413, 415)
OPERATIONS = (
    Operation(
        "POST",
        "/recommend",
        "Movies for a history of ratings",
        responses.RecommendResponse,
        body=schemas.RecommendRequest,
        errors=_POSTED,
    ),
    Operation(
        "POST",
        "/similar",
        "Movies like one",
        responses.SimilarResponse,
        body=schemas.SimilarRequest,
        errors=(*_POSTED, 404),
    ),
    Operation(
        "POST",
        "/predict_ratings",
        "What a person would rate movies",
        responses.PredictRatingsResponse,
        body=schemas.PredictRatingsRequest,
        errors=_POSTED,
    ),
    Operation(
        "POST",
        "/feedback",
        "Say what somebody did with a movie",
        responses.FeedbackResponse,
        body=schemas.FeedbackRequest,
        errors=(*_POSTED, 404),
    ),
    Operation(
        "GET",
        "/movies",
        "Find movies by title",
        responses.MoviesResponse,
        query=schemas.MoviesQuery,
        errors=(400,),
    ),
    Operation("GET", "/movies/{movie_id}", "All about one movie", responses.MovieDetails, errors=(404,)),
    Operation("GET", "/model", "The model card, and what the filters know", model_card.ModelResponse),
)


def document() -> dict[str, Any]:
    """The whole document."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(responses.ErrorResponse, "serialization")]
    for operation in OPERATIONS:
        models.append((operation.response, "serialization"))
        models += [(model, "validation") for model in (operation.body, operation.query) if model]
    references, components = models_json_schema(models, ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        described = _describe(operation, references, components["$defs"])
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Marquee",
            "version": "1",
            "description": "Movie recommendations for a history of ratings. Health is at /livez and /readyz, "
            "Prometheus' metrics are at /metrics.",
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": components["$defs"]},
    }


def _describe(operation: Operation, references: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.path.strip("/").partition("/{")[0]
        + ("_one" if "{" in operation.path else ""),
        "responses": {
            "200": _content("The answer", references[operation.response, "serialization"]),
            **{
                str(status): _content(STATUS[status], references[responses.ErrorResponse, "serialization"])
                for status in sorted((*operation.errors, 503))
            },
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            **_content("", references[operation.body, "validation"], described=False),
        }
    if operation.query is not None:
        described["parameters"] = _parameters(definitions[operation.query.__name__])
    if "{movie_id}" in operation.path:
        id_schema = definitions["Movie"]["properties"]["movie_id"]
        described["parameters"] = [{"name": "movie_id", "in": "path", "required": True, "schema": id_schema}]
    return described


def _content(description: str, schema: dict[str, Any], *, described: bool = True) -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": schema}}}
    return {"description": description, **content} if described else content


def _parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The properties of a query's schema as parameters in the address."""
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": rule}
        for name, rule in schema["properties"].items()
    ]
