"""steppe: Amazon States Language workflows over very large data sets."""

__version__ = "0.1.0"
