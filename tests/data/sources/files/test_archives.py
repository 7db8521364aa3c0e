"""Zips and folders: what is damaged, ambiguous or too large is an error that names the file."""

import bz2
import contextlib
import gzip
import io
import lzma
import zipfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marquee.data.sources import layouts
from marquee.data.sources.files import archives
from marquee.data.sources.files.rules import DataError
from tests.fuzz import fuzzed

PACKINGS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def read(path, name="ratings.csv"):
    opened = archives.open_folder(path) if path.is_dir() else archives.open_archive(path)
    return opened.read(name)


def test_a_zip_damaged_inside_is_an_error_that_names_the_file_in_it(tmp_path, zipped):
    path = tmp_path / "ml.zip"
    path.write_bytes(zipped({"ml/ratings.csv": bytes(range(256)) * 20}))
    with zipfile.ZipFile(path) as archive:
        offset = archive.infolist()[0].header_offset + 30 + len("ml/ratings.csv")
    data = bytearray(path.read_bytes())
    data[offset + 40] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"ml\.zip cannot be read at ml/ratings\.csv: (.|\n)*whole one"):
        read(path)
    path.write_bytes(data[:100])
    with pytest.raises(DataError, match=r"ml\.zip is not a whole zip archive"):
        archives.open_archive(path)


@pytest.mark.parametrize("date", [(1980, 0, 0, 0, 0, 0), (2005, 2, 31, 0, 0, 0)])
def test_a_zip_whose_dates_are_no_dates_is_read_without_knowing_its_age(tmp_path, date):
    entry = zipfile.ZipInfo("ml/ratings.csv")
    entry.date_time = date
    with zipfile.ZipFile(tmp_path / "ml.zip", "w") as archive:
        archive.writestr(entry, "userId")
    files = archives.open_archive(tmp_path / "ml.zip")
    assert files.newest is None
    with files.open("ratings.csv") as file:
        assert file.read() == b"userId"


@pytest.mark.parametrize(("at", "value"), [(8, 99), (6, 1)], ids=["unknown compression", "encrypted"])
def test_a_member_that_cannot_be_unpacked_is_an_error_that_names_it(tmp_path, at, value):
    # The method and the flags of a member stand in its local header and, 2 bytes later, in the directory.
    path = tmp_path / "ml.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ratings.csv", "userId")
    data = bytearray(path.read_bytes())
    data[at] = data[data.index(b"PK\x01\x02") + at + 2] = value
    path.write_bytes(data)
    files = archives.open_archive(path)
    with pytest.raises(DataError, match=r"ml\.zip cannot be read at ratings\.csv"), files.open("ratings.csv"):
        pass


def packed(how, files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 2, 0, 0, 0)), data, how)
    return buffer.getvalue()


ROWS = b"".join(b"%d,%d,4.5,90000%d\n" % (n, n * 7 % 99, n) for n in range(300))
ARCHIVES = [packed(how, {"ml/ratings.csv": ROWS}) for how in PACKINGS]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@fuzzed(60)
@example(0, [(29, 1)])
@given(
    st.integers(0, len(ARCHIVES) - 1),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_a_zip_damaged_anywhere_is_read_right_or_is_an_error_of_the_data(scratch, which, flips):
    data = bytearray(ARCHIVES[which])
    for at, by in flips:
        data[at % len(data)] ^= by
    path = scratch / "ml.zip"
    path.write_bytes(data)
    with contextlib.suppress(DataError):
        assert read(path) == ROWS


@fuzzed(40)
@given(st.integers(1, len(gzip.compress(ROWS)) - 1), st.integers(1, 255), st.booleans())
def test_a_gzip_damaged_anywhere_is_read_right_or_is_an_error_of_the_data(scratch, at, by, cut):
    data = bytearray(gzip.compress(ROWS, mtime=0))
    folder = scratch / "own"
    folder.mkdir(exist_ok=True)
    data[at] ^= by
    (folder / "ratings.csv.gz").write_bytes(data[:at] if cut else data)
    with contextlib.suppress(DataError):
        assert read(folder) == ROWS


@fuzzed(40)
@given(st.binary(max_size=300))
def test_bytes_that_are_no_zip_are_an_error_of_the_data(scratch, data):
    path = scratch / "noise.zip"
    path.write_bytes(data)
    with pytest.raises(DataError, match="is not a whole zip archive"):
        archives.open_archive(path)


@pytest.mark.parametrize("how", PACKINGS)
def test_a_file_that_unpacks_to_far_too_much_is_refused_before_it_is_all_unpacked(tmp_path, monkeypatch, how):
    monkeypatch.setattr(archives, "ALWAYS", 10_000)
    path = tmp_path / "bomb.zip"
    path.write_bytes(packed(how, {"ratings.csv": bytes(3_000_000)}))
    if how == zipfile.ZIP_STORED:
        assert len(read(path)) == 3_000_000  # as large as it says: no bomb
        return
    with pytest.raises(DataError, match=r"unpacks to more than [\d,]+ bytes, too many for its size"):
        read(path)


def test_a_file_that_is_read_whole_has_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_TEXT", 10)
    (tmp_path / "movies.csv").write_bytes(bytes(11))
    with pytest.raises(DataError, match=r"movies\.csv has more than 10 bytes"):
        read(tmp_path, "movies.csv")


def test_an_error_of_whoever_reads_is_not_taken_for_damage(tmp_path, zipped):
    path = tmp_path / "ml.zip"
    path.write_bytes(zipped({"ratings.csv": ROWS}))

    def fail():
        with archives.open_archive(path).open("ratings.csv") as source:
            source.read(1)
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fail()


def test_two_files_of_one_name_are_named_and_none_is_chosen(tmp_path, zipped):
    path = tmp_path / "own.zip"
    path.write_bytes(zipped({"old/ratings.csv": b"a", "new/ratings.csv": b"b"}))
    with pytest.raises(DataError, match=r"more than one ratings\.csv: new/ratings\.csv, old/ratings\.csv"):
        read(path)
    (tmp_path / "ratings.csv").touch()
    (tmp_path / "ratings.csv.gz").touch()
    with pytest.raises(DataError, match=r"more than one ratings\.csv: ratings\.csv, ratings\.csv\.gz"):
        read(tmp_path)


def test_a_file_packed_by_gzip_goes_by_its_plain_name(tmp_path, zipped):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "ratings.csv.gz").write_bytes(gzip.compress(ROWS))
    assert read(tmp_path / "own") == ROWS
    assert list(archives.open_folder(tmp_path / "own").md5(["ratings.csv"])) == ["ratings.csv.gz"]
    (tmp_path / "own.zip").write_bytes(zipped({"own/ratings.csv.gz": gzip.compress(ROWS)}))
    assert read(tmp_path / "own.zip") == ROWS


@pytest.mark.parametrize("damage", [bz2.compress, lzma.compress, bytes])
def test_another_packing_called_gz_is_an_error_of_the_data(tmp_path, damage):
    (tmp_path / "ratings.csv.gz").write_bytes(damage(ROWS))
    with pytest.raises(DataError, match=r"cannot be read at ratings\.csv\.gz: Not a gzipped file"):
        read(tmp_path)


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "ratings.csv").mkdir()
    with pytest.raises(DataError, match=r"has no file ratings\.csv; it has ratings\.csv"):
        read(tmp_path)


def test_ratings_that_lie_a_folder_deeper_or_in_a_zip_are_pointed_at(tmp_path):
    (tmp_path / "ml-25m.zip").touch()
    with pytest.raises(DataError, match=rf"Set MOVIELENS_MIRROR to {tmp_path} and data.source to ml-25m\."):
        layouts.of(archives.open_folder(tmp_path))
    (tmp_path / "ml-25m").mkdir()
    (tmp_path / "ml-25m" / "ratings.csv").touch()
    with pytest.raises(DataError, match=rf"folder ml-25m has them: set data.source to {tmp_path}/ml-25m\."):
        layouts.of(archives.open_folder(tmp_path))
