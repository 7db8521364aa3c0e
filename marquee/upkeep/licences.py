"""`make licences`: every package that requirements.lock installs and its licence, as the package states it.

Written into docs/licences.md from what is installed. The lock has another version of a few packages for newer
Pythons: rows of versions that are not installed here stay as they were.
"""

import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from marquee.pipeline import logs
from marquee.pipeline.files import write_text
from marquee.upkeep import machine

PAGE = Path("docs/licences.md")
SERVICE_LOCK = Path("marquee/serving/packaging/service.lock")
"""Of what a Bento installs, part of the whole lock."""
LONGEST = 60
"""Characters of a licence's name; a longer field holds the licence itself."""
NOT_STATED = "not stated"
READ = {"namex": "Apache-2.0"}
"""Packages that state none in their metadata: what their licence file is, read by a person."""
STRONG, WEAK, NONE = "the whole", "its files", ""
"""How far a licence's demand to publish changes reaches, for who passes the package on."""
STRENGTHS = (NONE, WEAK, STRONG)
log = logs.get("licences")


class LicenceError(ValueError):
    """Nothing can be said of a package; the message says what to do."""


@dataclass(frozen=True, order=True)
class Row:
    """One package of the lock.

    Attributes:
        name: as the lock spells it.
        version: pinned.
        licence: as the package states it.
        served: whether a Bento installs it.
    """

    name: str
    version: str
    licence: str
    served: bool

    @property
    def text(self) -> str:
        """Its line of the table."""
        served = "yes" if self.served else ""
        return f"| {self.name} | {self.version} | {self.licence} | {copyleft(self.licence)} | {served} |"


def stated(package: metadata.PackageMetadata, name: str) -> str:
    """A package's licence: its SPDX expression, else the name it gives, else its classifiers."""
    given = [*(package.get_all("License-Expression") or []), *(package.get_all("License") or [])]
    fields = [field.strip() for field in given]
    short = [
        field for field in fields if 0 < len(field) <= LONGEST and "\n" not in field and field != "UNKNOWN"
    ]
    classifiers = package.get_all("Classifier") or []
    kinds = [kind.rpartition(" :: ")[2] for kind in classifiers if kind.startswith("License :: ")]
    found = short[0] if short else ", ".join(kinds) or READ.get(name, NOT_STATED)
    return found.replace("|", "OR").replace("  ", " ")


def copyleft(licence: str) -> str:
    """How far a licence's demand reaches: the whole program, the package's own files, or nothing.

    Of licences to choose from, the mildest counts. Parentheses are not resolved: then all are taken together.
    """
    alternatives = [licence] if "(" in licence and " AND " in licence else re.split(r"\s+OR\s+", licence)
    return min((_strength(one) for one in alternatives), key=STRENGTHS.index)


def _strength(licence: str) -> str:
    if re.search(r"\bL(esser )?G(PL|eneral)|linking exception", licence):
        return WEAK
    if re.search(r"\bA?GPL|General Public", licence):
        return STRONG
    return WEAK if re.search(r"\b(MPL|EPL|CDDL|EUPL)|Mozilla|Eclipse", licence) else NONE


def rows(lock: str, service_lock: str, page: str) -> list[Row]:
    """A row for each pin of a lock.

    Args:
        lock: all that is installed.
        service_lock: what a Bento installs.
        page: docs/licences.md as it was, for versions that are not installed here.

    Raises:
        LicenceError: a version is neither installed nor on the page.
    """
    served = set(pins(service_lock))
    known = {(row.name, row.version): row.licence for row in parse(page)}
    found = []
    for name, version in pins(lock):
        licence = _installed(name, version) or known.get((name, version))
        if licence is None:
            raise LicenceError(
                f"{name} {version} is not installed here, and {PAGE} has no row for it. Run `make licences` "
                "under the Python that the lock has it for (`make PYTHONS=python3.12 licences` in a clone)."
            )
        found.append(Row(name, version, licence, (name, version) in served))
    return sorted(found)


def pins(lock: str) -> list[tuple[str, str]]:
    """Name and version of each entry of a lock."""
    matches = (machine.PIN.match(line) for line in lock.splitlines())
    return [(found[1], found[2]) for found in matches if found]


def _installed(name: str, version: str) -> str | None:
    if machine.installed_version(name) != version:
        return None
    return stated(metadata.metadata(name), name)


def parse(page: str) -> list[Row]:
    """The rows of the page's last table."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.rpartition("\n|---")[2].splitlines()[1:]
        if line.startswith("| ")
    ]
    return [Row(name, version, licence, bool(served)) for name, version, licence, _, served in cells]


def written(found: list[Row]) -> str:
    """The page: what asks for something first, then everything."""
    head = "| package | version | licence | copyleft of | in a Bento |\n|---|---|---|---|---|\n"
    asking = [row for row in found if copyleft(row.licence)]
    return INTRODUCTION.format(flagged=_table(head, asking), all=_table(head, found))


def _table(head: str, found: list[Row]) -> str:
    return head + "\n".join(row.text for row in found)


INTRODUCTION = """\
# Licences of what is installed

Written by `make licences` from the packages' own metadata; a test compares it with `requirements.lock`.
Marquee's code and sample are under the [MIT licence](../LICENSE). None of these packages is in the
repository: pip or uv installs them. A Bento's image holds those marked in the last column. Libraries that a
wheel carries inside (the OpenBLAS and the GCC runtime of numpy and scipy, say) have licences of their own,
which lie in the wheel. Tools of development (`requirements-dev.lock`) and the locks of environments aside
are not listed. What MovieLens and TMDB ask for: [data.md](data.md).

## Copyleft

Who passes these on, in an image for example, has to offer the source of what was changed: of the package's
own files, or of the whole program that they are part of. Where a package leaves a choice, the mildest
licence counts. This is a reading of the licences' names, not legal advice.

{flagged}

## All

{all}
"""


def main() -> int:
    """Write the page anew."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    try:
        found = rows(machine.LOCK.read_text(encoding="utf-8"), SERVICE_LOCK.read_text(encoding="utf-8"), page)
    except LicenceError as error:
        log.error("%s", error)
        return 1
    write_text(PAGE, written(found))
    flagged = sum(bool(copyleft(row.licence)) for row in found)
    log.info("%s: %d packages, %d of them copyleft", PAGE, len(found), flagged)
    return 0


if __name__ == "__main__":
    sys.exit(main())
