"""The pages of docs/ name what exists: links, files, modules."""

import re
from pathlib import Path

import pytest

from tests.places import ROOT

PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]
KEPT = ("marquee/", "stages/", "benchmarks/", "monitoring/", "deploy/", "tests/", "docs/", ".ci/")
"""Folders in Git: what a page says lies in one of them is there."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path):
    for target, heading in re.findall(
        r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8")
    ):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not heading or heading in anchors(file), f"{page.name} links to {target}#{heading}"


def anchors(page: Path) -> set[str]:
    """What headings are called in addresses: lower case, a hyphen per space."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_modules_that_a_page_names_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:\w|[./-])+)`", text)
    files = [name for name in named if name.startswith(KEPT)]
    modules = re.findall(r"python -m ((?:stages|monitoring|benchmarks|marquee)(?:\.\w+)+)", text)
    files += [f"{module.replace('.', '/')}.py" for module in modules]
    missing = [name for name in files if not (ROOT / name).exists()]
    assert missing == [], f"{page.name} names what is not there"
