"""The Deep & Cross ranking model."""
