"""Downloads against a real local server, and the mirror."""

import hashlib
import re

import pytest

from marquee.data.sources.files import downloads
from marquee.data.sources.files.network import Network
from marquee.data.sources.files.rules import DataError

BY_HAND = r"put ml-1m\.zip in a folder and set MOVIELENS_MIRROR"


@pytest.fixture
def archive(zipped, monkeypatch):
    """A zip of some size, published with its checksum as ml-1m."""
    noise = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(250))
    data = zipped({"ml-1m/ratings.dat": noise})
    monkeypatch.setitem(downloads.CHECKSUMS, "ml-1m", hashlib.md5(data).hexdigest())
    return data


@pytest.fixture
def network(server):
    return Network(server.base_url, timeout=5, attempts=2, backoff=0)


def serve_ranges(data, cut_at, etag='"v1"'):
    """Sends `cut_at` bytes to whoever asks for all, the rest to whoever asks for a range."""

    def answer(handler):
        wanted = handler.headers.get("Range")
        if wanted and handler.headers.get("If-Range", etag) == etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            handler.reply(206, data[start:], {"ETag": etag, "Content-Range": f"bytes {start}-/{len(data)}"})
        else:
            handler.reply(200, data, {"ETag": etag}, cut=cut_at)

    return answer


def test_a_download_is_kept_and_not_repeated(server, network, archive, tmp_path):
    server.answer = lambda handler: handler.reply(200, archive)
    path = downloads.download("ml-1m", tmp_path, network)
    assert downloads.download("ml-1m", tmp_path, network) == path
    assert path.read_bytes() == archive
    assert [where for where, _ in server.asked] == ["/ml-1m.zip"]
    assert [file.name for file in tmp_path.iterdir()] == ["ml-1m.zip"]


def test_a_connection_that_breaks_is_resumed_where_it_broke(server, network, archive, tmp_path):
    server.answer = serve_ranges(archive, cut_at=3000)
    assert downloads.download("ml-1m", tmp_path, network).read_bytes() == archive
    assert [headers.get("Range") for _, headers in server.asked] == [None, "bytes=3000-"]
    assert server.sent == len(archive)


def test_a_run_that_was_interrupted_leaves_what_came_to_the_next(server, archive, tmp_path):
    server.answer = serve_ranges(archive, cut_at=3000)
    impatient = Network(server.base_url, timeout=5, attempts=0, backoff=0)
    with pytest.raises(DataError, match=rf"broke 1 times; 3,000 bytes are kept\.\nRun again .*{BY_HAND}"):
        downloads.download("ml-1m", tmp_path, impatient)
    assert (tmp_path / "ml-1m.zip.part").stat().st_size == 3000
    assert not (tmp_path / "ml-1m.zip").exists()
    assert downloads.download("ml-1m", tmp_path, impatient).read_bytes() == archive
    assert server.asked[1][1]["Range"] == "bytes=3000-"
    assert server.sent == len(archive)
    assert [file.name for file in tmp_path.iterdir()] == ["ml-1m.zip"]


def test_an_archive_that_changed_meanwhile_comes_whole_and_is_never_mixed(server, archive, tmp_path):
    server.answer = serve_ranges(b"x" * 4000, cut_at=3000, etag='"old"')
    impatient = Network(server.base_url, timeout=5, attempts=0, backoff=0)
    with pytest.raises(DataError, match="3,000 bytes are kept"):
        downloads.download("ml-1m", tmp_path, impatient)
    server.answer = serve_ranges(archive, cut_at=None, etag='"new"')
    assert downloads.download("ml-1m", tmp_path, impatient).read_bytes() == archive
    assert server.asked[1][1]["If-Range"] == '"old"'


def test_a_part_that_is_longer_than_the_archive_is_fetched_anew(server, network, archive, tmp_path):
    (tmp_path / "ml-1m.zip.part").write_bytes(b"x" * 20_000)

    def answer(handler):
        handler.reply(416) if "Range" in handler.headers else handler.reply(200, archive)

    server.answer = answer
    assert downloads.download("ml-1m", tmp_path, network).read_bytes() == archive


def test_a_wrong_checksum_deletes_what_came_and_says_so(server, network, archive, tmp_path):
    server.answer = lambda handler: handler.reply(200, archive + b"!")
    with pytest.raises(
        DataError, match=rf"does not have the published md5 [0-9a-f]{{32}}; it was deleted.*\n.*{BY_HAND}"
    ):
        downloads.download("ml-1m", tmp_path, network)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_archive_is_named_with_address_and_status(server, network, archive, tmp_path):
    server.answer = lambda handler: handler.reply(404)
    with pytest.raises(
        DataError, match=rf"{re.escape(server.base_url)}/ml-1m\.zip: the server answered 404.*\n.*{BY_HAND}"
    ):
        downloads.download("ml-1m", tmp_path, network)
    assert len(server.asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_server_error_is_tried_again(server, network, archive, tmp_path):
    statuses = iter([500, 503, 200])
    server.answer = lambda handler: handler.reply(next(statuses), archive)
    assert downloads.download("ml-1m", tmp_path, network).read_bytes() == archive
    assert len(server.asked) == 3


def test_a_server_error_that_stays_is_an_error_after_the_agreed_attempts(server, network, archive, tmp_path):
    server.answer = lambda handler: handler.reply(500)
    with pytest.raises(DataError, match=r"the server answered 500"):
        downloads.download("ml-1m", tmp_path, network)
    assert len(server.asked) == 3


def test_a_server_that_does_not_answer_in_time_is_said_to_be_slow(server, archive, tmp_path):
    server.answer = lambda handler: server.closing.wait(5)
    slow = Network(server.base_url, timeout=0.1, attempts=0, backoff=0)
    with pytest.raises(DataError, match=rf"ml-1m\.zip: no answer within 0\.1 seconds\.\n.*{BY_HAND}"):
        downloads.download("ml-1m", tmp_path, slow)


def test_without_a_network_the_message_names_address_and_mirror(archive, tmp_path):
    nobody = Network("http://127.0.0.1:9", timeout=1, attempts=0, backoff=0)
    with pytest.raises(
        DataError, match=rf"127\.0\.0\.1:9/ml-1m\.zip: no connection to the server\.\n.*{BY_HAND}"
    ):
        downloads.download("ml-1m", tmp_path, nobody)


def test_a_truncated_zip_without_published_checksum_is_deleted(server, network, zipped, tmp_path):
    server.answer = lambda handler: handler.reply(200, zipped({"a": b"a" * 999})[:-30])
    with pytest.raises(
        DataError, match=r"ml-latest\.zip: what came is not a whole zip archive; it was deleted"
    ):
        downloads.download("ml-latest", tmp_path, network)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_message_that_names_the_file(server, network, archive, tmp_path):
    (tmp_path / "ml-1m.zip.part").symlink_to("/dev/full")
    server.answer = lambda handler: handler.reply(200, archive)
    with pytest.raises(
        DataError, match=r"ml-1m\.zip\.part could not be written: .*No space left.*\nFree some space"
    ):
        downloads.download("ml-1m", tmp_path, network)
    assert not (tmp_path / "ml-1m.zip").exists()


def test_the_mirror_is_used_and_its_checksum_is_checked(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("MOVIELENS_MIRROR", str(tmp_path))
    path = tmp_path / "ml-1m.zip"
    with pytest.raises(DataError, match=r"MOVIELENS_MIRROR names .*, which has no ml-1m\.zip"):
        downloads.find("ml-1m")
    path.write_bytes(archive)
    assert downloads.find("ml-1m") == path
    path.write_bytes(archive[:-1])
    with pytest.raises(DataError, match=r"ml-1m\.zip: md5 is [0-9a-f]{32}, published is"):
        downloads.find("ml-1m")
    assert path.exists()  # the mirror is the user's: nothing in it is deleted


def test_downloads_go_to_the_cache_that_the_environment_names(
    server, network, archive, tmp_path, monkeypatch
):
    monkeypatch.delenv("MOVIELENS_MIRROR", raising=False)
    monkeypatch.setenv("MARQUEE_CACHE", str(tmp_path / "cache"))
    server.answer = lambda handler: handler.reply(200, archive)
    assert downloads.find("ml-1m", network) == tmp_path / "cache" / "movielens" / "ml-1m.zip"


def test_what_to_do_about_a_damaged_archive_fits_where_it_was_found(tmp_path, monkeypatch):
    path = tmp_path / "ml-1m.zip"
    monkeypatch.setenv("MOVIELENS_MIRROR", str(tmp_path))
    assert downloads.cure_of(path).startswith(f"Replace it in {tmp_path}, or unset MOVIELENS_MIRROR")
    monkeypatch.delenv("MOVIELENS_MIRROR")
    assert downloads.cure_of(path).startswith(f"Delete {path} and run again")
