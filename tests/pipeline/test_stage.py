"""How a stage ends."""

import logging

import pytest

from marquee.pipeline.params import ParamsError
from marquee.pipeline.stage import run_stage


@pytest.mark.parametrize("error", [ParamsError("rating 7.5 is outside"), OSError("disk full")])
def test_an_error_in_the_input_ends_in_its_message_and_exit_code_1(
    error: Exception, caplog: pytest.LogCaptureFixture
):
    def stage(_: logging.Logger) -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        run_stage("fetch_data", stage)
    assert ended.value.code == 1
    assert [(record.name, record.message) for record in caplog.records] == [
        ("fetch_data", f"failed.\n{error}")
    ]


def test_an_interrupt_ends_without_a_traceback(caplog: pytest.LogCaptureFixture):
    def stage(_: logging.Logger) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        run_stage("tune_ranking", stage)
    assert ended.value.code == 130
    assert caplog.text.count("interrupted") == 1


@pytest.mark.parametrize("bug", [KeyError("a bug"), ValueError("a bug of numpy's")])
def test_a_bug_keeps_its_traceback(bug: Exception):
    def stage(_: logging.Logger) -> None:
        raise bug

    with pytest.raises(type(bug), match="a bug"):
        run_stage("fetch_data", stage)
