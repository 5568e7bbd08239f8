"""Whether a machine is ready, and what its CPU means for the choices to come."""
