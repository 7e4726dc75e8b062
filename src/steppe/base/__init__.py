"""Words shared by all layers: JSON values, errors, names, ARNs, quotas, time stamps. No I/O, no clock."""
