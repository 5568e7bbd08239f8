"""The sentiment demo: a data generator, a training script and the model it made."""
