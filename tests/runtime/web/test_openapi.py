"""Requests made from the description: none is a failure of the server, and each answer is as described."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.helpers import encode, make_photo
from tests.runtime.web.helpers import Served

schemathesis = pytest.importorskip("schemathesis")

from schemathesis import GenerationMode  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

AS_DESCRIBED = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PATHS = ["/api/info", "/api/predict", "/api/explain"]


@pytest.fixture
def operation(served: Served, path: str) -> Any:
    """The described operation of a path."""
    document = httpx.get(f"{served.url}/openapi.json").json()
    found = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert [each.path for each in found] == PATHS
    return next(each for each in found if each.path == path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_made_up_requests_are_answered_as_described(served: Served, operation: Any, mode: Any) -> None:
    if mode == GenerationMode.NEGATIVE and operation.path != "/api/predict":
        pytest.skip("nothing of it can be wrong but the body, which the other mode has too")
    statuses = set()

    @settings(max_examples=40, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    @given(operation.as_strategy(mode))
    def ask(case: Any) -> None:
        answer = case.call(base_url=served.url, timeout=60)
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=AS_DESCRIBED)

    ask()
    assert statuses
    assert statuses <= {200, 400, 405, 415, 422}


@pytest.mark.parametrize("path", PATHS[1:])
def test_a_good_answer_is_as_described(served: Served, operation: Any) -> None:
    answer = httpx.post(served.url + operation.path, content=encode(make_photo(300, 260), "PNG"), timeout=60)
    assert answer.status_code == 200
    operation.validate_response(answer)


@pytest.mark.parametrize("path", ["/api/predict"])
def test_a_second_opinion_is_as_described(seconded: Served, served: Served, operation: Any) -> None:
    for data, status in ((encode(make_photo(300, 260), "PNG"), 200), (b"not a picture", 422)):
        for server, expected in ((seconded, status), (served, 400)):
            answer = httpx.post(f"{server.url}{operation.path}?second_opinion=true", content=data, timeout=60)
            assert answer.status_code == expected
            operation.validate_response(answer)
