"""Pure judgement: no I/O, no clock, no logging. Time is an argument."""
