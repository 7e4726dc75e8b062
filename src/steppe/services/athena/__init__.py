"""Athena's API: query executions, work groups, the data catalog."""
