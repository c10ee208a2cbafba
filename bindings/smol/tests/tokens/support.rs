//! Tokens made from any header and any claims, and verifiers for them.
//!
//! It does not know which of them are good.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, crypto};
use std::path::PathBuf;
use tidings_smol::server::{
    Algorithm, AuthError, Identity, JwtOptions, KeyOptions, Secret, TokenError, Verifier,
};
use tidings_smol::{HubOptions, Rules};

pub(crate) const SECRET: &str =
    "a secret of the tests, with more than the sixty-four bytes of HS512";

/// The time of the tests, in seconds.
pub(crate) const NOW: u64 = 1_700_000_000;

/// A file with a key of the tests.
pub(crate) fn path(name: &str) -> PathBuf {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
    PathBuf::from(keys).join(name)
}

pub(crate) fn pem(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect("the key is there")
}

pub(crate) fn secret_key(algorithm: Algorithm, secret: &str) -> KeyOptions {
    KeyOptions {
        id: None,
        algorithm,
        secret: Some(Secret::from(secret.to_owned())),
        secret_file: None,
        pem_file: None,
    }
}

pub(crate) fn pem_key(algorithm: Algorithm, name: &str) -> KeyOptions {
    KeyOptions {
        id: None,
        algorithm,
        secret: None,
        secret_file: None,
        pem_file: Some(path(name)),
    }
}

pub(crate) fn with_id(id: &str, key: KeyOptions) -> KeyOptions {
    let id = Some(id.to_owned());
    KeyOptions { id, ..key }
}

pub(crate) fn options(keys: Vec<KeyOptions>) -> JwtOptions {
    JwtOptions {
        keys,
        ..JwtOptions::default()
    }
}

pub(crate) fn load(options: &JwtOptions) -> Result<Verifier, AuthError> {
    let rules = Rules::new(&HubOptions::default()).expect("the defaults are good");
    Verifier::new(options, rules)
}

pub(crate) fn verifier(options: &JwtOptions) -> Verifier {
    load(options).expect("good options")
}

/// A verifier for HS256 with the secret of the tests.
pub(crate) fn plain() -> Verifier {
    verifier(&options(vec![secret_key(Algorithm::Hs256, SECRET)]))
}

pub(crate) fn at(verifier: &Verifier, token: &str, seconds: u64) -> Result<Identity, TokenError> {
    verifier.verify(token, seconds * 1_000)
}

pub(crate) fn base64(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Header and claims, without a signature.
pub(crate) fn message(header: &str, claims: impl AsRef<[u8]>) -> String {
    format!("{}.{}", base64(header), base64(claims))
}

/// What signs tokens of any header, also one that says another algorithm.
pub(crate) struct Signer {
    key: EncodingKey,
    algorithm: jsonwebtoken::Algorithm,
}

impl Signer {
    pub(crate) fn secret(secret: &[u8]) -> Self {
        Self {
            key: EncodingKey::from_secret(secret),
            algorithm: jsonwebtoken::Algorithm::HS256,
        }
    }

    pub(crate) fn sign(&self, header: &str, claims: impl AsRef<[u8]>) -> String {
        let message = message(header, claims);
        let signature = crypto::sign(message.as_bytes(), &self.key, self.algorithm);
        format!("{message}.{}", signature.expect("it is signed"))
    }
}

/// A token with these claims, signed with HS256 and the secret of the tests.
pub(crate) fn signed(claims: &str) -> String {
    Signer::secret(SECRET.as_bytes()).sign(r#"{"alg":"HS256"}"#, claims)
}

/// What a token with these claims is.
pub(crate) fn judged(claims: &str) -> Result<Identity, TokenError> {
    at(&plain(), &signed(claims), NOW)
}
