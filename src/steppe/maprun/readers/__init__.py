"""The readers of item sources, one format a file; they do not know each other. `maprun.sources` picks one."""
