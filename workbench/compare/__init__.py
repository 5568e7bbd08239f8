"""Judges variants: outputs, layers, latency, quality, and the one table of all of them."""
