"""A stage that another Python runs says by which, and how to activate the environment."""

import os
import subprocess
import sys

from tests.places import ROOT

WITHOUT_PACKAGES = (sys.executable, "-S", "-m", "stages.fetch_data")
"""-S leaves out what is installed, as another Python would."""


def test_a_python_without_the_packages_is_named_with_the_cure():
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        WITHOUT_PACKAGES, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"{sys.executable} runs this stage, and has not Marquee's packages.")
    assert "`source .venv/bin/activate`" in done.stderr
    assert "Traceback" not in done.stderr
