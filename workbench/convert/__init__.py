"""Makes variants: export, optimize, quantize. Every verb ends in `checks.py`."""
