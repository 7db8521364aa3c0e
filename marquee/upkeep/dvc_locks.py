"""DVC's file of who reads and writes what: it is written in place, and a full disk can cut it off.

Every later command of DVC then ends with "Unable to read RWLock-file". What it holds matters only while DVC
runs, so one that cannot be read is removed before the next run (`make repro`).
"""

import contextlib
import json
from pathlib import Path

from marquee.pipeline import logs

RWLOCK = Path(".dvc/tmp/rwlock")
log = logs.get("dvc_locks")


def mend(path: Path = RWLOCK) -> bool:
    """Remove the file if it is cut off; whether it was."""
    with contextlib.suppress(FileNotFoundError):
        try:
            json.loads(path.read_bytes() or b"{}")
        except ValueError:
            path.unlink()
            log.warning("%s was cut off, by a full disk perhaps, and is removed: DVC makes it anew", path)
            return True
    return False


if __name__ == "__main__":
    mend()
