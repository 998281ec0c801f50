//! Estates as text, and an oracle that is slow and obvious. For tests only.
