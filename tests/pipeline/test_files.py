"""Whole files or none."""

from pathlib import Path

import numpy as np
import pytest

from marquee.pipeline import files


def test_a_failing_writer_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old", encoding="utf-8")

    def disk_full(temporary: Path) -> None:
        temporary.write_text("ha", encoding="utf-8")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"table\.csv could not be written: .*No space left.*\nFree some space"):
        files.write_whole(path, disk_full)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(OSError, match=r"metrics/a\.json could not be written"):
        files.write_json(tmp_path / "metrics" / "a.json", {})


def test_an_interrupt_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    def interrupted(temporary: Path) -> None:
        temporary.touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_whole(tmp_path / "table.csv", interrupted)
    assert list(tmp_path.iterdir()) == []


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old", encoding="utf-8")

    def look_while_writing(temporary: Path) -> None:
        temporary.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
        assert temporary.suffix == ".csv"  # writers that go by the suffix still know the format

    files.write_whole(path, look_while_writing)
    assert path.read_text(encoding="utf-8") == "new"


def test_folders_are_made(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a" / "b.txt", "é\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"\xc3\xa9\n"


def test_json_is_sorted_rounded_to_six_decimals_and_has_null_for_nan(tmp_path: Path) -> None:
    value = {"b": 0.12345678, "a": {"nan": float("nan"), "inf": float("-inf")}, "c": [1, True, None, "é"]}
    files.write_json(tmp_path / "m.json", value)
    assert (tmp_path / "m.json").read_text(encoding="utf-8") == (
        '{\n  "a": {\n    "inf": null,\n    "nan": null\n  },\n  "b": 0.123457,\n'
        '  "c": [\n    1,\n    true,\n    null,\n    "é"\n  ]\n}\n'
    )
    assert files.read_json(tmp_path / "m.json")["b"] == 0.123457


def test_json_takes_numpy_scalars(tmp_path: Path) -> None:
    files.write_json(tmp_path / "m.json", {"a": np.float32(0.5), "b": np.int64(3), "c": (np.float64("nan"),)})
    assert files.read_json(tmp_path / "m.json") == {"a": 0.5, "b": 3, "c": [None]}
