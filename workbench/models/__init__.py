"""What we work on: sources, tasks, variants, and the workspace in which variants live."""
