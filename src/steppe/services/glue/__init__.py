"""The Glue Data Catalog API: databases, tables with their versions, partitions."""
