"""What must survive a restart: one database, its schema, and one file a group of records."""
