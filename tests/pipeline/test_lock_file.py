"""A dvc.lock that a kill left empty or cut off is put back from the last whole one."""

import logging
from pathlib import Path

import pytest

from marquee.pipeline import lock_file
from marquee.pipeline.lock_file import COPY, LOCK
from tests.places import ROOT

LOG = logging.getLogger("test")


@pytest.fixture(autouse=True)
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The repository's, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    LOCK.write_text(text, encoding="utf-8")
    return text


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
def test_what_is_not_whole_is_put_back_and_said(share: float, lock: str, caplog: pytest.LogCaptureFixture):
    lock_file.keep()
    LOCK.write_text(lock[: lock.index("outs:", int(len(lock) * share))] if share else "", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert lock_file.restore(LOG)
    assert LOCK.read_text(encoding="utf-8") == lock
    assert "dvc.lock was not whole" in caplog.text


def test_one_that_is_whole_or_absent_is_left_alone(lock: str, caplog: pytest.LogCaptureFixture):
    lock_file.keep()
    newer = lock.replace("fetch_data", "fetch_more")
    LOCK.write_text(newer, encoding="utf-8")
    assert lock_file.restore(LOG)
    assert LOCK.read_text(encoding="utf-8") == newer
    LOCK.unlink()
    assert lock_file.restore(LOG)
    assert not LOCK.exists()
    assert caplog.text == ""


def test_a_broken_one_is_never_kept(lock: str):
    lock_file.keep()
    LOCK.write_text("", encoding="utf-8")
    lock_file.keep()
    assert COPY.read_text(encoding="utf-8") == lock


def test_without_a_copy_the_error_says_what_to_run(caplog: pytest.LogCaptureFixture):
    LOCK.write_text("stages:\n  fetch_data:\n", encoding="utf-8")
    assert not lock_file.restore(LOG)
    assert "Run `git checkout dvc.lock`" in caplog.text
