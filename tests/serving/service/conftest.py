"""One running service for all tests that ask one over HTTP: to start it takes seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from marquee.pipeline import paths
from tests import canary
from tests.fixtures.tiny_pipeline import Tiny
from tests.serving import live
from tests.serving.live import Live


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="session")
def service(tiny: Tiny, root: Path) -> Iterator[Live]:
    """`bentoml serve`, started in a folder laid out as the repository is."""
    live.lay_out(root, tiny)
    live.write_bundle(tiny, root / paths.BUNDLE)
    with live.served(root, **canary.CLOUD) as service:
        yield service


@pytest.fixture(scope="session")
def server(service: Live) -> str:
    return service.address
