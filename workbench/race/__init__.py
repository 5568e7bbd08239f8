"""The race: tries the variants of a model, and hands over the fastest that keeps the quality, with its reasons."""
