import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from marquee.serving.recommender.shared_arrays import KEPT, SharedArrays
from tests.places import ROOT

MADE = {
    "rows": np.arange(12, dtype=np.float32).reshape(4, 3),
    "by_column": np.asfortranarray(np.arange(12, dtype=np.float32).reshape(4, 3)),
    "one": np.float32(3.5).reshape(()),
}
MAPPED_BY_ANOTHER = """
import sys
from pathlib import Path
from marquee.serving.recommender.shared_arrays import SharedArrays
arrays = SharedArrays(Path(sys.argv[1])).get("key", lambda: sys.exit("they were made again"))
print(arrays["rows"].tolist(), arrays["rows"].base is not None)
"""


def never():
    pytest.fail("they were made again")


def test_arrays_come_back_as_they_were_made_in_their_layout(tmp_path: Path):
    got = SharedArrays(tmp_path / "arrays").get("key", lambda: MADE)
    assert got.keys() == MADE.keys()
    for name, array in MADE.items():
        np.testing.assert_array_equal(got[name], array)
        assert got[name].dtype == array.dtype
    assert got["by_column"].flags.f_contiguous
    assert not got["by_column"].flags.c_contiguous
    assert not got["rows"].flags.writeable


def test_another_process_maps_what_the_first_has_written(tmp_path: Path):
    SharedArrays(tmp_path / "arrays").get("key", lambda: MADE)
    command = [sys.executable, "-c", MAPPED_BY_ANOTHER, str(tmp_path / "arrays")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{MADE['rows'].tolist()} True\n"


def test_the_file_is_mapped_and_not_read_into_memory(tmp_path: Path):
    shared = SharedArrays(tmp_path / "arrays")
    got = shared.get("key", lambda: MADE)["rows"]
    with (tmp_path / "arrays/key/rows.npy").open("r+b") as file:
        file.seek(-4, 2)
        file.write(np.float32(99).tobytes())
    assert got[-1, -1] == 99


def test_what_is_forgotten_stays_for_those_who_have_mapped_it(tmp_path: Path):
    shared = SharedArrays(tmp_path / "arrays")
    got = shared.get("key", lambda: MADE)
    for _ in range(2):  # both workers of a service that stops
        shared.forget("key")
    assert list((tmp_path / "arrays").iterdir()) == []
    np.testing.assert_array_equal(got["rows"], MADE["rows"])


def test_a_few_copies_are_kept_the_newest(tmp_path: Path):
    shared = SharedArrays(tmp_path / "arrays")
    for key in "abcdef":
        shared.get(key, lambda: MADE)
    assert len(list((tmp_path / "arrays").iterdir())) == KEPT
    shared.get("f", never)


def test_a_folder_that_others_may_write_is_not_trusted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "arrays").mkdir()
    (tmp_path / "arrays").chmod(0o777)
    assert SharedArrays(tmp_path / "arrays").get("key", lambda: MADE) is MADE
    assert "is open to others; make it yours alone, or set TMPDIR" in caplog.text
    assert list((tmp_path / "arrays").iterdir()) == []


def test_a_disk_that_refuses_leaves_each_worker_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shared = SharedArrays(tmp_path / "arrays")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert shared.get("key", lambda: MADE) is MADE
    assert list((tmp_path / "arrays").iterdir()) == []


def test_the_first_of_two_that_write_at_once_has_written_for_both(tmp_path: Path):
    shared = SharedArrays(tmp_path / "arrays")

    def make_late() -> dict[str, np.ndarray]:
        SharedArrays(tmp_path / "arrays").get("key", lambda: MADE)
        return MADE

    got = shared.get("key", make_late)
    assert not got["rows"].flags.writeable
    assert [path.name for path in (tmp_path / "arrays").iterdir()] == ["key"]


def test_what_is_forgotten_while_it_is_opened_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shared = SharedArrays(tmp_path / "arrays")
    shared.get("key", lambda: MADE)
    listed = Path.iterdir

    def some_are_gone(folder: Path) -> list[Path]:
        paths = sorted(listed(folder))[1:]
        shared.forget("key")
        return paths

    monkeypatch.setattr(Path, "iterdir", some_are_gone)
    assert shared.get("key", lambda: MADE) is MADE
