"""One file a kind of state. They do not know each other: `advance` goes from one to the next."""
