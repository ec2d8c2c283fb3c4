"""The benchmarks of the project, and the in-memory servers on which they run."""
