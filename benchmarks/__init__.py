"""Speed and quality beside other ways of doing the same; a pipeline of its own, `benchmarks/dvc.yaml`."""

import marquee  # noqa: F401 - chooses Keras 2 before TensorFlow is imported
