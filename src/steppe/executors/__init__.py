"""Where work runs: a port, a pool of worker processes, and this process itself. Knows nothing of Map Runs."""
