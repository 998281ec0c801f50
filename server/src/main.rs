//! The `epicenter` binary.

fn main() {}
