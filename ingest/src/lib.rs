//! Decodes what sources send, bounds it, and appends it. It never decides what an item is.
