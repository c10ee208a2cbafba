//! A text that is shown to nobody: neither in what is printed, nor in what is logged.
//!
//! It does not know what it opens.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::io;

/// What stands in its place.
const SHOWN: &str = "[secret]";

/// A secret of the options.
///
/// ```
/// use tidings_smol::server::Secret;
///
/// let secret = Secret::from("correct horse battery staple".to_owned());
/// assert_eq!(format!("{secret} {secret:?}"), "[secret] [secret]");
/// assert!(secret.expose().ends_with("staple"));
/// ```
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// 64 characters by chance, of 384 bits: long enough to sign with by any algorithm, for those who
    /// need a secret no longer than they run.
    ///
    /// ```
    /// use tidings_smol::server::{Algorithm, Secret, SigningKey};
    ///
    /// let secret = Secret::random()?;
    /// SigningKey::from_secret(Algorithm::Hs512, secret.expose())?;
    /// assert!(secret != Secret::random()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the system has no chance to give.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; 48];
        rand::fill(&mut bytes).map_err(|_| io::Error::other("the system has no random numbers"))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The text itself, for what it opens.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// In constant time for secrets of one length.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SHOWN)
    }
}
