"""Checkpoints of every form that is read or refused, written by the standard library alone: PyTorch is not needed."""
