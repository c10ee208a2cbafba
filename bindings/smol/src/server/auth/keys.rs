//! The keys that tokens are signed with: from options, files, and JWK sets.
//!
//! It does not know what tokens say. Each key is for exactly one algorithm, which is the only one it
//! is ever used with: a public key can so never be taken for a secret (RFC 8725, sections 2.1 and
//! 3.1).

use super::error::{AuthError, KeyProblem};
use super::options::{JwtOptions, KeyOptions};
use super::{Algorithm, read_text};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, RsaSubjectPublicKey,
};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::Value;
use std::fmt;
use std::fs;

/// Keys of one server. Issuers have two at a time while they change; this is room for many issuers.
const MAX_KEYS: usize = 100;

/// Keys without an id for one algorithm: each of them is tried for a token that names none.
const MAX_UNNAMED: usize = 4;

/// Bytes of the modulus of an RSA key (RFC 7518, section 3.3; the upper bound is for the time that a
/// check takes).
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;

/// A set of keys.
#[derive(Clone, Default)]
pub struct Keys(Vec<Key>);

#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// A JWK set. Keys are looked at one by one: what is not understood is passed over.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    /// Public keys from a JWK set (RFC 7517).
    ///
    /// As its section 5 says, keys that are not understood are passed over: those of other kinds, for
    /// other algorithms, for encryption, and secrets, which do not belong into what is public. A key
    /// that does not say its algorithm is for the one that its kind is used with here.
    ///
    /// # Errors
    /// A text that is no set; one in which no key is left; two keys of one id.
    pub fn from_jwks(json: &str) -> Result<Self, AuthError> {
        let set: Set =
            serde_json::from_str(json).map_err(|error| AuthError::Jwks(error.to_string()))?;
        let mut keys = Self::default();
        for value in set.keys {
            if let Ok(jwk) = Jwk::deserialize(value)
                && let Ok((algorithm, key)) = of_jwk(&jwk)
            {
                keys.add(Key {
                    id: jwk.common.key_id,
                    algorithm,
                    key,
                })?;
            }
        }
        if keys.0.is_empty() {
            let problem = "it has no public key for RS256, ES256 or EdDSA".to_owned();
            return Err(AuthError::Jwks(problem));
        }
        Ok(keys)
    }

    /// The keys that options and the files named in them have.
    pub(super) fn load(options: &JwtOptions) -> Result<Self, AuthError> {
        let mut keys = Self::default();
        for (number, options) in options.keys.iter().enumerate() {
            let name = match &options.id {
                Some(id) => format!("the key {id:?}"),
                None => format!("key {number}"),
            };
            let key = of_options(options, &name)?;
            keys.add(Key {
                id: options.id.clone(),
                algorithm: options.algorithm,
                key,
            })?;
        }
        if let Some(path) = &options.jwks_file {
            for key in Self::from_jwks(&read_text(path)?)?.0 {
                keys.add(key)?;
            }
        }
        Ok(keys)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, key: Key) -> Result<(), AuthError> {
        if let Some(id) = &key.id
            && self.named(id).is_some()
        {
            return Err(AuthError::Key(format!("the key {id:?}"), KeyProblem::Twice));
        }
        if key.id.is_none() && self.unnamed(key.algorithm).count() == MAX_UNNAMED {
            let problem = format!(
                "more than {MAX_UNNAMED} keys for {} have no id; a token could be of any of them",
                key.algorithm
            );
            return Err(AuthError::Option("jwt.keys", problem));
        }
        if self.0.len() == MAX_KEYS {
            return Err(AuthError::TooManyKeys { limit: MAX_KEYS });
        }
        self.0.push(key);
        Ok(())
    }

    /// The key of this id.
    pub(super) fn named(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id.as_deref() == Some(id))
    }

    /// Keys for an algorithm that have no id.
    pub(super) fn unnamed(&self, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        self.with(algorithm).filter(|key| key.id.is_none())
    }

    /// All keys for an algorithm.
    pub(super) fn with(&self, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| key.algorithm == algorithm)
    }
}

/// Says which keys there are, not what they are.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.iter().map(|key| (&key.id, key.algorithm));
        f.debug_list().entries(keys).finish()
    }
}

fn of_options(options: &KeyOptions, name: &str) -> Result<DecodingKey, AuthError> {
    let problem = |problem| AuthError::Key(name.to_owned(), problem);
    let algorithm = options.algorithm;
    match (&options.secret, &options.secret_file, &options.pem_file) {
        (Some(secret), None, None) => of_secret(algorithm, secret.expose()).map_err(problem),
        (None, Some(path), None) => of_secret(algorithm, &read_text(path)?).map_err(problem),
        (None, None, Some(path)) => {
            let pem = fs::read(path).map_err(|error| AuthError::File(path.clone(), error))?;
            of_pem(algorithm, &pem).map_err(problem)
        }
        _ => Err(problem(KeyProblem::NotOnce(
            "secret, secret_file and pem_file",
        ))),
    }
}

fn of_secret(algorithm: Algorithm, secret: &str) -> Result<DecodingKey, KeyProblem> {
    check_secret(algorithm, secret)?;
    Ok(DecodingKey::from_secret(secret.as_bytes()))
}

/// Whether a secret is for this algorithm, and long enough.
pub(super) fn check_secret(algorithm: Algorithm, secret: &str) -> Result<(), KeyProblem> {
    match algorithm.secret_bytes() {
        None => Err(KeyProblem::WrongKind(algorithm)),
        Some(least) if secret.len() < least => Err(KeyProblem::ShortSecret { algorithm, least }),
        Some(_) => Ok(()),
    }
}

fn of_pem(algorithm: Algorithm, pem: &[u8]) -> Result<DecodingKey, KeyProblem> {
    let read = match algorithm {
        Algorithm::Rs256 => DecodingKey::from_rsa_pem(pem),
        Algorithm::Es256 => DecodingKey::from_ec_pem(pem),
        Algorithm::EdDsa => DecodingKey::from_ed_pem(pem),
        _ => return Err(KeyProblem::WrongKind(algorithm)),
    };
    let key = read.map_err(|_| KeyProblem::NotPublic(algorithm))?;
    check_public(algorithm, key)
}

fn of_jwk(jwk: &Jwk) -> Result<(Algorithm, DecodingKey), KeyProblem> {
    let common = &jwk.common;
    if !matches!(common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return Err(KeyProblem::Unknown);
    }
    let (algorithm, said) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::Rs256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::Es256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDsa, KeyAlgorithm::EdDSA)
        }
        _ => return Err(KeyProblem::Unknown),
    };
    if common.key_algorithm.is_some_and(|other| other != said) {
        return Err(KeyProblem::Unknown);
    }
    let key = DecodingKey::from_jwk(jwk).map_err(|_| KeyProblem::NotPublic(algorithm))?;
    Ok((algorithm, check_public(algorithm, key)?))
}

/// Hands a key on that is a public key for the algorithm: what is not would only be noticed when no
/// token is good.
fn check_public(algorithm: Algorithm, key: DecodingKey) -> Result<DecodingKey, KeyProblem> {
    let is_good = match (algorithm, key.kind()) {
        (Algorithm::Rs256, DecodingKeyKind::SecretOrDer(der)) => RsaSubjectPublicKey::from_der(der)
            .is_ok_and(|key| {
                let (modulus, exponent) = (key.modulus(), key.exponent());
                is_rsa(
                    modulus.big_endian_without_leading_zero(),
                    exponent.big_endian_without_leading_zero(),
                )
            }),
        (Algorithm::Rs256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let key = RsaPublicKeyComponents { n, e };
            let parsed = key.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
            parsed.is_ok() && is_rsa(n, e)
        }
        (Algorithm::Es256, DecodingKeyKind::SecretOrDer(point)) => {
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).is_ok()
        }
        (Algorithm::EdDsa, DecodingKeyKind::SecretOrDer(point)) => {
            ParsedPublicKey::new(&ED25519, point).is_ok()
        }
        _ => false,
    };
    if is_good {
        Ok(key)
    } else {
        Err(KeyProblem::NotPublic(algorithm))
    }
}

/// Whether the modulus has a good size, and the exponent is odd and more than 1: with 1, every
/// message is its own signature.
fn is_rsa(modulus: &[u8], exponent: &[u8]) -> bool {
    let digits = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        number.len() - zeros
    };
    let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    let is_one = digits(exponent) == 1 && exponent.ends_with(&[1]);
    MODULUS_BYTES.contains(&digits(modulus)) && is_odd && !is_one
}
