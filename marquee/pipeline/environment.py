"""What decides bits and must be set before numpy or TensorFlow is first imported: here and nowhere else."""

import os
import platform

# TensorFlow Recommenders needs Keras 2, chosen before TensorFlow is first imported.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
# What its C++ has to say beside an exception is about GPUs and instruction sets that are not there.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# OpenBLAS picks its kernels by the CPU, and other kernels have other last bits: one for all with AVX2.
if platform.machine() == "x86_64":
    os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
