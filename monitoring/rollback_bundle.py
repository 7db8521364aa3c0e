"""Make the champion before this one the champion again; twice gives this one back. `make rollback`."""

import sys

from marquee.pipeline import logs
from marquee.serving.provenance import promotion
from marquee.serving.provenance.commits import GitError
from marquee.serving.provenance.promotion import PromotionError
from marquee.serving.provenance.versions import VersionError
from marquee.serving.recommender.manifest import BundleError

log = logs.get("rollback_bundle")


def main() -> int:
    """Roll back and say so; 2 where nothing was."""
    try:
        change = promotion.rollback()
    except (PromotionError, BundleError, VersionError, GitError, OSError) as error:
        log.error("%s", error)
        return 2
    log.info(
        "%s (%s) is the champion again, %s is set aside. A running service takes it over within "
        "`serving.watch_seconds`. Tell others with `git push --tags`",
        change.version,
        change.champion[:12],
        change.previous,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
