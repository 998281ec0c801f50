//! How a sealed name is written: `person:v1:ID:BYTES`, the person in hex and what is sealed in base64url.
//!
//! Pure. A text is taken for a sealed name only if it is wholly of this form.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::error::Unspecified;
use ring::hmac;

/// How every sealed name begins; the digit is the version of the form.
pub(crate) const MARK: &str = "person:v1:";
/// Bytes of a person's key.
pub(super) const KEY_BYTES: usize = 32;
/// Bytes of a person's id.
pub(super) const ID_BYTES: usize = 8;

/// Who is meant, told apart from others and from nothing else: it is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PersonId(pub(super) [u8; ID_BYTES]);

/// The key of one person, which seals one name.
#[derive(Clone)]
pub(super) struct PersonKey(pub(super) [u8; KEY_BYTES]);

/// A sealed name, taken apart.
pub(super) struct Written {
    pub(super) id: PersonId,
    sealed: Vec<u8>,
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl PersonId {
    fn of_hex(text: &str) -> Option<Self> {
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 2 * ID_BYTES || !text.bytes().all(lower_hex) {
            return None;
        }
        let number = u64::from_str_radix(text, 16).ok()?;
        Some(Self(number.to_be_bytes()))
    }

    /// What is read where the name was and cannot be read.
    pub(crate) fn placeholder(self) -> String {
        format!("forgotten-{self}")
    }
}

/// Whether a text may be a sealed name.
pub(super) fn looks_sealed(text: &str) -> bool {
    text.starts_with(MARK)
}

impl Written {
    /// Takes a sealed name apart; any other text is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (id, sealed) = text.strip_prefix(MARK)?.split_once(':')?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let whole = NONCE_LEN + AES_256_GCM.tag_len() <= sealed.len();
        whole.then_some(Self {
            id: PersonId::of_hex(id)?,
            sealed,
        })
    }

    /// The name, if this key sealed it.
    pub(super) fn open(mut self, key: &PersonKey) -> Option<String> {
        let (nonce, sealed) = self.sealed.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key
            .cipher()
            .open_in_place(nonce, Aad::from(self.id.0), sealed);
        String::from_utf8(opened.ok()?.to_vec()).ok()
    }
}

impl PersonKey {
    /// Writes a name sealed. The same name comes to the same text, so that a retry of an event is the same event.
    pub(super) fn seal(&self, id: PersonId, name: &str) -> Result<String, Unspecified> {
        // Made from the key and the name: two names that one key sealed would have two nonces.
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), name.as_bytes());
        let nonce = tag.as_ref().first_chunk::<NONCE_LEN>().ok_or(Unspecified)?;
        let mut sealed = name.as_bytes().to_vec();
        self.cipher().seal_in_place_append_tag(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(id.0),
            &mut sealed,
        )?;
        let mut bytes = nonce.to_vec();
        bytes.append(&mut sealed);
        Ok(format!("{MARK}{id}:{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &self.0);
        LessSafeKey::new(key.expect("the key has as many bytes as the cipher wants"))
    }
}
