use subtle::ConstantTimeEq;

use crate::RegistryError;

/// What is kept of a secret that must be recognised but never shown again.
pub(crate) struct Proof {
    /// Where the database looks for it.
    pub(crate) prefix: i64,
    pub(crate) hash: [u8; 32],
}

/// What a secret is for; a hash of one purpose is worthless for another.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    LoginSession,
    Token,
    SetupCode,
}

/// 256 random bits as text.
pub(crate) fn random() -> Result<String, RegistryError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(blake3::Hash::from_bytes(bytes).to_hex().to_string())
}

impl Proof {
    /// A plain hash, unlike a password's: nobody can try all of 2^80 secrets.
    pub(crate) fn of(purpose: Purpose, secret: &str) -> Self {
        let context = match purpose {
            Purpose::LoginSession => "weir 2026 login session",
            Purpose::Token => "weir 2026 access token",
            Purpose::SetupCode => "weir 2026 set-up code",
        };
        let hash = blake3::derive_key(context, secret.as_bytes());
        let prefix = *hash.first_chunk().expect("a hash has 32 bytes");
        Self { prefix: i64::from_le_bytes(prefix), hash }
    }

    /// Whether the kept hash is this one; takes as long wherever the two part.
    pub(crate) fn matches(&self, kept: &[u8]) -> bool {
        self.hash.ct_eq(kept).into()
    }
}
