//! The binary: command line, configuration, the clock, and the loop that folds the log.
