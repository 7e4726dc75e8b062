"""The shell around the interpreter: makes commands happen, makes progress durable. The only place with a real clock."""
