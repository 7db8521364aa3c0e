"""A cut-off file of DVC's is removed, a whole one left alone; DVC goes on."""

import pytest

from marquee.upkeep import dvc_locks


def test_a_file_that_is_cut_off_is_removed_and_told(tmp_path, caplog):
    path = tmp_path / "rwlock"
    path.write_text('{"data/raw": {"read": [{"pid": 1, "cm')
    assert dvc_locks.mend(path)
    assert not path.exists()
    assert "was cut off" in caplog.text


@pytest.mark.parametrize("content", ["", "{}", '{"a": {"write": {"pid": 1, "cmd": "dvc repro"}}}'])
def test_a_whole_or_empty_one_stays(tmp_path, content):
    path = tmp_path / "rwlock"
    path.write_text(content)
    assert not dvc_locks.mend(path)
    assert path.read_text() == content


def test_where_there_is_none_nothing_is_done(tmp_path):
    assert not dvc_locks.mend(tmp_path / "rwlock")
