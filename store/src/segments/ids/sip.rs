//! `SipHash` with 128 bits: a keyed hash that is cheap for short texts (Aumasson and Bernstein, 2012).
//!
//! Whoever does not know the key cannot choose texts that fall together. It proves nothing to
//! whoever does, so nothing else is hashed with it.

/// The hash of some bytes: `C` rounds a word and `D` at the end.
pub(super) fn hash<const C: usize, const D: usize>(key: [u64; 2], bytes: &[u8]) -> [u64; 2] {
    let [low, high] = key;
    let mut state = State([
        low ^ 0x736f_6d65_7073_6575,
        high ^ 0x646f_7261_6e64_6f6d ^ 0xEE,
        low ^ 0x6c79_6765_6e65_7261,
        high ^ 0x7465_6462_7974_6573,
    ]);
    let (words, rest) = bytes.as_chunks();
    for word in words {
        state.take::<C>(u64::from_le_bytes(*word));
    }
    let mut last = (bytes.len() as u64) << 56;
    for (place, byte) in rest.iter().enumerate() {
        last |= u64::from(*byte) << (8 * place);
    }
    state.take::<C>(last);
    [
        state.end::<D>([0, 0, 0xEE, 0]),
        state.end::<D>([0, 0xDD, 0, 0]),
    ]
}

struct State([u64; 4]);

impl State {
    fn take<const C: usize>(&mut self, word: u64) {
        self.0[3] ^= word;
        self.rounds::<C>();
        self.0[0] ^= word;
    }

    fn end<const D: usize>(&mut self, flipped: [u64; 4]) -> u64 {
        for (word, flipped) in self.0.iter_mut().zip(flipped) {
            *word ^= flipped;
        }
        self.rounds::<D>();
        let [a, b, c, d] = self.0;
        a ^ b ^ c ^ d
    }

    fn rounds<const N: usize>(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.0;
        for _ in 0..N {
            a = a.wrapping_add(b);
            b = b.rotate_left(13) ^ a;
            a = a.rotate_left(32);
            c = c.wrapping_add(d);
            d = d.rotate_left(16) ^ c;
            a = a.wrapping_add(d);
            d = d.rotate_left(21) ^ a;
            c = c.wrapping_add(b);
            b = b.rotate_left(17) ^ c;
            c = c.rotate_left(32);
        }
        self.0 = [a, b, c, d];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first of the vectors its authors publish for SipHash-2-4-128.
    #[test]
    fn it_agrees_with_its_authors() {
        let key = [0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908];
        let hashed = |bytes: &[u8]| hash::<2, 4>(key, bytes).map(u64::swap_bytes);
        assert_eq!(hashed(&[]), [0xA381_7F04_BA25_A8E6, 0x6DF6_7214_C755_0293]);
        assert_eq!(hashed(&[0]), [0xDA87_C1D8_6B99_AF44, 0x3476_5911_9B22_FC45]);
    }
}
