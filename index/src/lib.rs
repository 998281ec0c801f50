//! Read models too large for memory, keyed by position. It keeps what the graph yields and decides no meaning.
