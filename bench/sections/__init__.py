"""The parts of the benchmark; each measures one thing and gives its tables."""
