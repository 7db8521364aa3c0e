import pytest

from stages.runtime import start_tensorflow


@pytest.fixture(scope="session")
def tensorflow() -> None:
    """TensorFlow, deterministic, on one thread."""
    start_tensorflow(seed=7, threads=1)
