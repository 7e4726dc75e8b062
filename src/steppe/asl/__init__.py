"""Amazon States Language: from text to a checked, compiled program."""
