"""One script per stage of dvc.yaml. Nothing imports them."""

import sys
from importlib.util import find_spec

import marquee  # noqa: F401  before a script imports numpy: it sets what decides bits

if find_spec("pandas") is None:
    sys.exit(
        f"{sys.executable} runs this stage, and has not Marquee's packages. DVC runs stages by the "
        "`python` that is first on PATH: activate the environment (`source .venv/bin/activate`) and run it "
        "again, or run `make repro`."
    )
