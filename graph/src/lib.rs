//! Read models and the questions they answer: pure folds of the log. No I/O, no waiting, no clock.
