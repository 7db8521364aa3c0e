"""The service's lock: part of the whole one, and whole enough to serve from."""

import re
import sys
from importlib import metadata

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from marquee.serving.packaging import bento, service_lock
from tests.places import ROOT
from tests.serving.packaging.test_bento import SERVICE

WHOLE = (ROOT / service_lock.SOURCE).read_text(encoding="utf-8")
LOCK = (ROOT / service_lock.LOCK).read_text(encoding="utf-8")
BY_BENTOML = {"h11", "uvicorn"}
"""The server's own; whichever BentoML brings is the one that runs."""
ONLY_READING = {"pyarrow"}
"""Imported where recorded events and tables are read; the service only writes the former."""


def names(lock: str) -> list[str]:
    return re.findall(r"^([a-z0-9-]+)==", lock, flags=re.MULTILINE)


def needed(name: str, extras: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """What an installed package says that it needs, with extras, on this Python and system."""
    said = [Requirement(line) for line in metadata.requires(name) or []]
    return {
        canonicalize_name(one.name): tuple(one.extras)
        for one in said
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    }


def test_it_is_what_the_whole_lock_gives():
    assert service_lock.restricted(WHOLE) == LOCK, "run python -m marquee.serving.packaging.service_lock"


def test_it_has_whatever_its_packages_say_that_they_need():
    waiting = dict.fromkeys(service_lock.IMPORTED, ())
    reached: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        name, extras = waiting.popitem()
        reached.add((name, extras))
        waiting |= {one: more for one, more in needed(name, extras).items() if (one, more) not in reached}
    assert {name for name, _ in reached} - set(names(LOCK)) == set()
    assert len(names(LOCK)) < len(names(WHOLE)) / 2


def test_it_has_nothing_of_training():
    heavy = {"tensorflow", "pandas", "pyarrow", "scikit-learn", "scipy", "optuna", "dvc", "onnx"}
    assert heavy <= set(names(WHOLE))
    assert heavy & set(names(LOCK)) == set()


def test_every_entry_has_hashes():
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_what_is_asked_for_is_what_the_code_imports():
    graph = grimp.build_graph("marquee", include_external_packages=True, cache_dir=None)
    reached = {name for name in graph.find_upstream_modules(SERVICE) if name.split(".")[0] != "marquee"}
    packages = metadata.packages_distributions()
    foreign = {canonicalize_name(packages[name][0]) for name in reached - sys.stdlib_module_names}
    assert foreign - BY_BENTOML - ONLY_READING == set(service_lock.IMPORTED)
    assert set(names(LOCK)) >= BY_BENTOML


def test_the_bento_installs_it():
    assert bento.packages(ROOT) == service_lock.imported(LOCK)
    assert "numpy==" in " ".join(bento.packages(ROOT))


# ---- the reader itself ------------------------------------------------------------------------------------

SMALL = """\
a==1 ; sys_platform == 'linux' \\
    --hash=sha256:aa
    # via marquee
b==2 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via
    #   a
    #   d
c==3 \\
    --hash=sha256:dd
    # via b
d==4 \\
    --hash=sha256:ee
    # via marquee
"""


def test_an_entry_is_kept_with_its_hashes_its_marker_and_those_who_need_it_here():
    expected = """\
a==1 ; sys_platform == 'linux' \\
    --hash=sha256:aa
    # via marquee
b==2 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via a
c==3 \\
    --hash=sha256:dd
    # via b
"""
    assert service_lock.restricted(SMALL, ("a",)) == expected
    assert service_lock.imported(expected) == ["a==1"]


def test_a_package_that_the_project_asks_for_by_itself_but_the_service_does_not_is_a_need_like_any_other():
    lock = SMALL.replace("# via b", "# via\n    #   b\n    #   marquee")
    assert service_lock.imported(service_lock.restricted(lock, ("a",))) == ["a==1"]


def test_a_package_that_nobody_asked_for_is_refused():
    with pytest.raises(service_lock.LockError, match=r"no entry that marquee asks for under b, nothing\."):
        service_lock.restricted(SMALL, ("a", "b", "nothing"))
