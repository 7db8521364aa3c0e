"""What every test may use. Nothing here imports TensorFlow: most tests do without it."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

import marquee  # noqa: F401  before anything imports numpy: the service and the tests use the same BLAS kernels

pytest_plugins = ["tests.fixtures.tables", "tests.fixtures.tiny_pipeline", "tests.fixtures.training"]

# One core per worker: threads of scikit-learn wait for each other by spinning, which busy cores make long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline: two workers share two cores with whatever else runs. In CI the examples are the same each time.
settings.register_profile("marquee", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("marquee")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real archives and snapshots that MOVIELENS_MIRROR names; without it the test skips."""
    folder = os.environ.get("MOVIELENS_MIRROR")
    if not folder:
        pytest.skip("MOVIELENS_MIRROR is not set: it names a folder with ml-latest-small.zip")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.fail(f"MOVIELENS_MIRROR is {folder!r}, which is not a folder. Correct it or unset it.")
    return path
