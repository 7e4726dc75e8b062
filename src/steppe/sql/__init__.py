"""The query engine behind Athena: statements in Athena's SQL, run by DuckDB over objects."""
