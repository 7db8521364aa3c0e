"""Tests that throw random input at a reader: a few examples in every run, many in `make fuzz`."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

TIMES = int(os.environ.get("FUZZ_TIMES", "1"))


def fuzzed(examples: int) -> Callable[[Any], Any]:
    """A decorator, above `given`: so many examples, and `FUZZ_TIMES` as many where that is set."""

    def mark(test: Any) -> Any:
        return pytest.mark.fuzz(settings(max_examples=examples * TIMES)(test))

    return mark
