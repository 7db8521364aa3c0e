"""docs/licences.md is what the lock pins and what the packages state."""

from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest

from marquee.serving.packaging import service_lock
from marquee.upkeep import licences, machine
from tests.places import ROOT

LOCK = (ROOT / machine.LOCK).read_text(encoding="utf-8")
SERVICE = (ROOT / licences.SERVICE_LOCK).read_text(encoding="utf-8")
PAGE = (ROOT / licences.PAGE).read_text(encoding="utf-8")
HERE = metadata.version("numpy")


def test_the_page_is_true_of_the_lock_and_of_what_is_installed():
    assert licences.written(licences.rows(LOCK, SERVICE, PAGE)) == PAGE, "run make licences"


def test_it_has_a_row_for_every_pin_of_the_lock_and_no_package_without_a_licence():
    rows = licences.parse(PAGE)
    assert [(row.name, row.version) for row in rows] == sorted(licences.pins(LOCK))
    assert [row.name for row in rows if row.licence == licences.NOT_STATED] == []
    assert licences.SERVICE_LOCK == service_lock.LOCK


def test_nothing_that_a_bento_installs_asks_for_the_source_of_the_whole_program():
    served = [row for row in licences.parse(PAGE) if row.served]
    assert len(served) == len(licences.pins(SERVICE))
    assert [row.name for row in served if licences.copyleft(row.licence) == licences.STRONG] == []


def test_what_was_read_by_a_person_is_still_not_stated():
    for name, licence in licences.READ.items():
        assert licences.stated(metadata.metadata(name), name) == licence


@pytest.mark.parametrize(
    ("licence", "reach"),
    [
        ("MIT", licences.NONE),
        ("BSD-3-Clause-Clear", licences.NONE),
        ("GPL-3.0-only", licences.STRONG),
        ("GNU General Public License v2 (GPLv2)", licences.STRONG),
        ("AGPL-3.0-or-later", licences.STRONG),
        ("MIT AND GPL-2.0-only", licences.STRONG),
        ("LGPL-3.0-or-later", licences.WEAK),
        ("GNU Lesser General Public License v3", licences.WEAK),
        ("GPLv2 with linking exception", licences.WEAK),
        ("Mozilla Public License 2.0 (MPL 2.0)", licences.WEAK),
        ("MPL-2.0 AND MIT", licences.WEAK),
        ("Apache-2.0 OR GPL-2.0-or-later", licences.NONE),
        ("EPL-2.0 OR GPL-2.0-or-later", licences.WEAK),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", licences.WEAK),
    ],
)
def test_how_far_a_licence_reaches(licence: str, reach: str):
    assert licences.copyleft(licence) == reach


def package(**fields: str) -> Message:
    """Metadata; underscores stand for hyphens."""
    made = Message()
    for name, value in fields.items():
        made[name.replace("_", "-")] = value
    return made


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License_Expression": "MIT", "License": "other"}, "MIT"),
        ({"License": "BSD-3-Clause", "Classifier": "License :: OSI Approved :: BSD License"}, "BSD-3-Clause"),
        ({"License": "word " * 20, "Classifier": "License :: OSI Approved :: BSD License"}, "BSD License"),
        ({"License": "UNKNOWN", "Classifier": "License :: OSI Approved :: MIT License"}, "MIT License"),
        ({"License": "GPLv2 | EPLv1"}, "GPLv2 OR EPLv1"),
        ({"Classifier": "Programming Language :: Python"}, licences.NOT_STATED),
    ],
)
def test_which_field_of_a_package_counts(fields: dict[str, str], licence: str):
    assert licences.stated(package(**fields), "a-package") == licence


def test_a_licence_that_is_a_whole_text_is_not_its_name():
    text = package(License="Short title\n\nCopyright", Classifier="License :: Other")
    assert licences.stated(text, "a-package") == "Other"


def test_a_version_for_another_python_keeps_its_row():
    lock = f"numpy=={HERE} ; python_version < '3' \\\nnumpy==0.1 ; python_version >= '3' \\\n"
    rows = licences.rows(lock, "numpy==0.1 \\\n", "|---|\n| numpy | 0.1 | GPLv2 |  |  |\n")
    assert [(row.version, row.served) for row in rows] == [("0.1", True), (HERE, False)]
    assert rows[0].text == "| numpy | 0.1 | GPLv2 | the whole | yes |"


def test_a_version_that_nobody_has_seen_is_an_error_with_its_cure():
    with pytest.raises(licences.LicenceError, match=r"not-there 1 is not installed here.*make licences"):
        licences.rows("not-there==1 \\\n", "", "")


def test_the_command_writes_what_it_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in (machine.LOCK, licences.SERVICE_LOCK, licences.PAGE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert licences.main() == 0
    assert licences.PAGE.read_text(encoding="utf-8") == PAGE
    licences.PAGE.unlink()
    with licences.SERVICE_LOCK.open("a") as lock, machine.LOCK.open("a") as whole:
        lock.write("nobody-has-this==1\n")
        whole.write("nobody-has-this==1\n")
    assert licences.main() == 1
