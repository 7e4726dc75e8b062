"""The Step Functions API: operations over the database, the engine and the Map Runs."""
