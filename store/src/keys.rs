//! A position as a key: big-endian, so that keys sort as positions do.

use model::LogPosition;

/// The key of a position.
pub const fn position_key(position: LogPosition) -> [u8; 8] {
    position.number().to_be_bytes()
}

/// The position of a key.
pub const fn position_of_key(key: [u8; 8]) -> LogPosition {
    LogPosition::new(u64::from_be_bytes(key))
}
