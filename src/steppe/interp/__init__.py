"""The interpreter: one pure function, `advance`. No I/O, no clock, no chance: time and entropy are arguments."""
