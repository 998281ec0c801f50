//! Benchmarks with a peer or a limit beside every figure. Not part of the product.
