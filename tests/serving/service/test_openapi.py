"""The document, and requests made up from it: whatever is asked, the service does not fail."""

import json
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from marquee.serving.service import openapi
from marquee.serving.service.openapi import OPERATIONS
from tests.serving import small
from tests.serving.small import MOVIES, id_of

EXAMPLES = 25
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
DOCUMENT = openapi.document()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
IDS = [f"{operation.method} {operation.path}" for operation in OPERATIONS]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    roomy = small.SERVING.model_copy(update={"max_body_kb": 4000})
    with small.application(tmp_path_factory.mktemp("fuzzed"), roomy) as app, TestClient(app) as opened:
        yield opened


def send(ask: TestClient, case: Case) -> httpx.Response:
    request = case.as_transport_kwargs(base_url=str(ask.base_url))
    request.pop("cookies", None)
    if isinstance(request.get("data"), bytes | str):
        request["content"] = request.pop("data")
    return ask.request(**request)


def made_known(case: Case, row: int) -> None:
    """Make a valid request ask for what the catalogue has: ids made up are hardly ever in it."""
    for asked in (case.body, case.path_parameters):
        if isinstance(asked, dict):
            asked.pop("genres", None)
            asked.pop("languages", None)
            if "movie_id" in asked:
                asked["movie_id"] = id_of(row)


def fuzz(ask: TestClient, operation: openapi.Operation, mode: GenerationMode) -> set[int]:
    """The statuses of requests made up from the document, each answer checked against it."""
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=SCHEMA[operation.path][operation.method].as_strategy(generation_mode=mode),
        row=st.none() | st.integers(0, MOVIES - 1),
    )
    def one(case: Case, row: int | None) -> None:
        if row is not None and mode is GenerationMode.POSITIVE:
            made_known(case, row)
        response = send(ask, case)
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    one()
    return statuses


@pytest.mark.parametrize("operation", OPERATIONS, ids=IDS)
def test_valid_requests_are_answered_as_the_document_says(ask: TestClient, operation: openapi.Operation):
    statuses = fuzz(ask, operation, GenerationMode.POSITIVE)
    assert 200 in statuses
    assert statuses <= {200, 400, 404}  # 400: a genre that no movie has


@pytest.mark.parametrize(
    "operation", [operation for operation in OPERATIONS if operation.errors], ids=IDS[:-1]
)
def test_invalid_requests_are_refused_as_the_document_says(ask: TestClient, operation: openapi.Operation):
    assert fuzz(ask, operation, GenerationMode.NEGATIVE) <= {400, 404}


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    path=st.sampled_from([operation.path for operation in OPERATIONS if operation.body]),
    body=st.binary(max_size=40) | st.text(max_size=40).map(str.encode) | JSON.map(json.dumps).map(str.encode),
)
def test_any_bytes_at_all_are_refused_with_json(ask: TestClient, path: str, body: bytes):
    response = ask.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert set(response.json()) == {"detail"}


def test_every_example_of_a_request_is_answered(ask: TestClient):
    schemas = DOCUMENT["components"]["schemas"]
    answered = []
    for operation in OPERATIONS:
        if operation.body is not None:
            example = dict(schemas[operation.body.__name__]["example"])
            if "movie_id" in example:
                example["movie_id"] = 5
            answered.append(ask.post(operation.path, json=example).status_code)
    assert answered == [200] * 4


def test_every_field_of_a_request_is_described():
    schemas = DOCUMENT["components"]["schemas"]
    bodies = [operation.body or operation.query for operation in OPERATIONS]
    undescribed = [
        (model.__name__, name)
        for model in bodies
        if model is not None
        for name, rule in schemas[model.__name__]["properties"].items()
        if not rule.get("description") and "$ref" not in rule and name not in ("event", "movie_ids", "years")
    ]
    assert undescribed == []


def test_the_document_served_is_this_one(ask: TestClient):
    assert ask.get("/docs.json").json() == json.loads(json.dumps(DOCUMENT))
