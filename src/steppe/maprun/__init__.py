"""Distributed Map: a source of items, cut into shards, run by workers as child executions, kept in segments.

Read `runs.py` (what the rest of steppe calls), then `run.py` (one Map Run's coordinator), `worker.py` (one shard's
children), `segments.py` (what is kept of them).
"""
