"""How TensorFlow starts, and weights as files."""
