"""The public test kit: contract suites and fakes. Nothing else in steppe imports it."""
