"""Make models/bundle the champion: a copy for the service, a version and a stage in Git. `make promote`."""

import sys

from marquee.pipeline import logs
from marquee.serving.provenance import promotion
from marquee.serving.provenance.commits import GitError
from marquee.serving.provenance.promotion import Change, PromotionError
from marquee.serving.provenance.versions import VersionError
from marquee.serving.recommender.manifest import BundleError

log = logs.get("promote_bundle")


def main() -> int:
    """Promote and say so; 2 where nothing was promoted."""
    try:
        change = promotion.promote()
    except (PromotionError, BundleError, VersionError, GitError, OSError) as error:
        log.error("%s", error)
        return 2
    log.info("%s", told(change))
    return 0


def told(change: Change) -> str:
    """What is the champion now, and what to do about it."""
    champion = f"{change.version} ({change.champion[:12]})"
    if not change.changed:
        return f"{champion} is the champion already"
    before = f"; {change.previous} was before: `make rollback` brings it back" if change.previous else ""
    return (
        f"{champion} is the champion{before}. A running service takes it within `serving.watch_seconds`. "
        "Share it with `git push --tags && dvc push`"
    )


if __name__ == "__main__":
    sys.exit(main())
