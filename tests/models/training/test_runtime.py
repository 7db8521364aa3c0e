"""TensorFlow's import: nothing said, unless it fails."""

import os
import platform
import subprocess
import sys

import pytest

from marquee.models.training.runtime import silent_unless_it_fails


def test_tensorflow_is_imported_without_a_word():
    done = subprocess.run(
        [sys.executable, "-c", "from marquee.models.training.runtime import tf, tfrs; tf.zeros(1)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_what_works_is_silent_and_standard_error_comes_back(capfd: pytest.CaptureFixture[str]):
    with silent_unless_it_fails():
        os.write(2, b"greeting\n")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


def _import_what_is_broken() -> None:
    with silent_unless_it_fails():
        os.write(2, b"libtensorflow.so is missing\n")
        raise ImportError("broken")


def test_what_fails_is_heard_before_its_exception(capfd: pytest.CaptureFixture[str]):
    with pytest.raises(ImportError, match="broken"):
        _import_what_is_broken()
    assert capfd.readouterr().err == "libtensorflow.so is missing\n"


def test_an_empty_environment_uses_the_same_blas_kernels():
    code = "import os, stages; print(os.environ.get('OPENBLAS_CORETYPE'), os.environ['TF_USE_LEGACY_KERAS'])"
    empty = {"PATH": os.environ["PATH"]}
    found = subprocess.run(
        [sys.executable, "-c", code], env=empty, capture_output=True, text=True, check=True
    )
    expected = "Haswell" if platform.machine() == "x86_64" else "None"
    assert found.stdout.split() == [expected, "1"]
