"""Looks inside an ONNX graph: slim copy, summary, difference, profile, picture and page."""
