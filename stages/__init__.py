"""Marquee's pipeline: one package per area, left to right as the data flows."""

import os

# TensorFlow Recommenders needs Keras 2, chosen before TensorFlow is first imported: here, and nowhere else.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
# What its C++ has to say beside an exception is about GPUs and instruction sets that are not there.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
