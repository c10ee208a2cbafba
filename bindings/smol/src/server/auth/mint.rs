//! Making tokens, for development and tests. In earnest, whoever knows the users makes them.
//!
//! It does not know who may have one.

use super::error::{AuthError, KeyProblem};
use super::keys::check_secret;
use super::{Algorithm, read_text};
use crate::server::identity::Access;
use jsonwebtoken::{EncodingKey, Header, crypto, encode};
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// What tokens are signed with.
///
/// ```
/// use tidings_smol::server::{Access, Algorithm, NewToken, SigningKey};
///
/// let key = SigningKey::from_secret(Algorithm::Hs256, "thirty-two bytes, of which nobody knows")?;
/// let token = NewToken {
///     user: Some("ada".to_owned()),
///     expires_s: Some(4_000_000_000),
///     access: Access { subscribe: vec!["news".to_owned()], ..Access::default() },
///     ..NewToken::default()
/// };
/// let token = key.sign(&token)?;
/// assert_eq!(token.split('.').count(), 3);
/// # Ok::<(), tidings_smol::server::KeyProblem>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    id: Option<String>,
    key: EncodingKey,
}

/// A token that is to be made.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewToken {
    /// The user.
    #[serde(rename = "sub", skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When it ends, in seconds since 1970.
    #[serde(rename = "exp", skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u64>,
    /// From when on it is good.
    #[serde(rename = "nbf", skip_serializing_if = "Option::is_none")]
    pub not_before_s: Option<u64>,
    /// Whom it is for.
    #[serde(rename = "aud", skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// Who makes it.
    #[serde(rename = "iss", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Its own name, by which it can be revoked.
    #[serde(rename = "jti", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What may be done with it.
    #[serde(rename = "tidings")]
    pub access: Access,
}

impl SigningKey {
    /// A secret, for HS256 and its like.
    ///
    /// # Errors
    /// Where it is none for this algorithm.
    pub fn from_secret(algorithm: Algorithm, secret: &str) -> Result<Self, KeyProblem> {
        check_secret(algorithm, secret)?;
        Ok(Self {
            algorithm,
            id: None,
            key: EncodingKey::from_secret(secret.as_bytes()),
        })
    }

    /// A private key in PEM, for RS256, ES256 and EdDSA.
    ///
    /// # Errors
    /// Where it is none for this algorithm.
    pub fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyProblem> {
        let read = match algorithm {
            Algorithm::Rs256 => EncodingKey::from_rsa_pem(pem),
            Algorithm::Es256 => EncodingKey::from_ec_pem(pem),
            Algorithm::EdDsa => EncodingKey::from_ed_pem(pem),
            _ => return Err(KeyProblem::WrongKind(algorithm)),
        };
        let problem = |_| KeyProblem::NotPrivate(algorithm);
        let key = read.map_err(problem)?;
        // That it is no such key would be noticed only when it is used.
        crypto::sign(b"", &key, algorithm.of_library()).map_err(problem)?;
        Ok(Self {
            algorithm,
            id: None,
            key,
        })
    }

    /// A secret in a file. A line break at its end is not part of it.
    ///
    /// # Errors
    /// Where it cannot be read, or is none for this algorithm.
    pub fn from_secret_file(algorithm: Algorithm, path: &Path) -> Result<Self, AuthError> {
        let key = Self::from_secret(algorithm, &read_text(path)?);
        key.map_err(|problem| AuthError::Key(path.display().to_string(), problem))
    }

    /// A private key in a file, in PEM.
    ///
    /// # Errors
    /// Where it cannot be read, or is none for this algorithm.
    pub fn from_pem_file(algorithm: Algorithm, path: &Path) -> Result<Self, AuthError> {
        let key = Self::from_pem(algorithm, read_text(path)?.as_bytes());
        key.map_err(|problem| AuthError::Key(path.display().to_string(), problem))
    }

    /// Says in every token which key it is signed with.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        let id = Some(id.into());
        Self { id, ..self }
    }

    /// Makes a token that claims this.
    ///
    /// # Errors
    /// Where the library of cryptography refuses the key after all.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, KeyProblem> {
        let mut header = Header::new(self.algorithm.of_library());
        header.kid.clone_from(&self.id);
        let signed = encode(&header, claims, &self.key);
        signed.map_err(|_| KeyProblem::NotPrivate(self.algorithm))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
