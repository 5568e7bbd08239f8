"""The digits demo: digits drawn here, a training script and the model it made."""
