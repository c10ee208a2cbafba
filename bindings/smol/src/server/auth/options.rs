//! What the server is told about those who ask: which tokens and keys there are.
//!
//! It does not know what becomes of them.

use super::{Algorithm, ForwardOptions};
use crate::server::identity::Access;
use crate::server::secret::Secret;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Who may ask for what. With all of it left out nobody may do anything.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthOptions {
    /// What those without a token may do. Default: nothing.
    pub anonymous: Access,
    /// The cookie that may carry a token, which should be `HttpOnly`. Default: none.
    pub cookie: Option<String>,
    /// The parameter of the query that may carry a token: an `EventSource` has no headers, but URLs
    /// are logged and remembered in many places. Default: none.
    pub query: Option<String>,
    /// Tokens that someone else signs. Default: there are none.
    pub jwt: Option<JwtOptions>,
    /// Keys of application servers.
    pub keys: Vec<StaticKeyOptions>,
    /// Let the application say who asks, of those who show no token that is checked here. Default: it
    /// is not asked.
    pub forward: Option<ForwardOptions>,
}

/// Which signed tokens are good (RFC 7519).
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct JwtOptions {
    /// Names of this server: a token must be for one of them. Where there are none, it must be for
    /// nobody in particular.
    pub audience: Vec<String>,
    /// Whose tokens are taken. Default: of everyone who has a key.
    pub issuer: Vec<String>,
    /// By how much the clock of whoever signs may be wrong. Default 30 s, at most 5 min.
    #[serde(with = "humantime_serde")]
    pub leeway: Duration,
    /// Take tokens that have no end, too.
    pub allow_no_expiry: bool,
    /// Keys, at most 100 with those of the file.
    pub keys: Vec<KeyOptions>,
    /// A file with public keys, a JWK set (RFC 7517).
    pub jwks_file: Option<PathBuf>,
    /// Where there are public keys, a JWK set that may change.
    pub jwks_url: Option<String>,
    /// A file in PEM with the certificate authorities that certify who answers there. Default: those
    /// that the system trusts.
    pub jwks_ca_file: Option<PathBuf>,
    /// How often they are fetched. Default 10 min.
    #[serde(with = "humantime_serde")]
    pub jwks_refresh: Duration,
}

impl Default for JwtOptions {
    fn default() -> Self {
        Self {
            audience: Vec::new(),
            issuer: Vec::new(),
            leeway: Duration::from_secs(30),
            allow_no_expiry: false,
            keys: Vec::new(),
            jwks_file: None,
            jwks_url: None,
            jwks_ca_file: None,
            jwks_refresh: Duration::from_secs(600),
        }
    }
}

/// A key that tokens are signed with: exactly one of `secret`, `secret_file` and `pem_file`.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyOptions {
    /// Its name, which tokens say as `kid`. A key without one is tried for all that name no key
    /// that is known.
    #[serde(default)]
    pub id: Option<String>,
    /// The one algorithm that it is for.
    pub algorithm: Algorithm,
    /// The secret, for HS256 and its like: its bytes, as they are here.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// A file with the secret. A line break at its end is not part of it.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// A file with the public key, in PEM, for RS256, ES256 and EdDSA.
    #[serde(default)]
    pub pem_file: Option<PathBuf>,
}

/// A key with which an application server says who it is: exactly one of `key` and `key_file`.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StaticKeyOptions {
    /// Whose it is.
    pub name: String,
    /// The key: at least 32 letters, digits and `-._~+/`, and perhaps `=` at the end.
    #[serde(default)]
    pub key: Option<Secret>,
    /// A file with the key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// What may be done with it. Default: publish everything, privately and directly.
    #[serde(default = "Access::publishing")]
    pub access: Access,
}
