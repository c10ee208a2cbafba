//! Whether a signed token is good, and who has it (RFC 7519, RFC 7515).
//!
//! It does not know where tokens come from. Nothing is cached: a check takes microseconds, and what
//! is not remembered cannot be out of date.

use super::claims::{Claims, MAX_SECONDS};
use super::error::{AuthError, TokenError};
use super::keys::{Key, Keys};
use super::options::JwtOptions;
use super::{Algorithm, MAX_TOKEN_BYTES};
use crate::driver::milliseconds;
use crate::server::identity::Identity;
use crate::server::object::Object;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tidings_core::Rules;

/// A clock that is wrong by more than this should be set instead.
const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// Checks tokens.
///
/// ```
/// use tidings_smol::server::{Algorithm, JwtOptions, KeyOptions, Secret, TokenError, Verifier};
/// use tidings_smol::{HubOptions, Rules};
///
/// let secret = Secret::from("thirty-two bytes, of which nobody knows".to_owned());
/// let options = JwtOptions {
///     keys: vec![KeyOptions {
///         id: None,
///         algorithm: Algorithm::Hs256,
///         secret: Some(secret),
///         secret_file: None,
///         pem_file: None,
///     }],
///     ..JwtOptions::default()
/// };
/// let verifier = Verifier::new(&options, Rules::new(&HubOptions::default())?)?;
/// let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.";
/// assert_eq!(verifier.verify(unsigned, 0), Err(TokenError::Algorithm));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Arc<Keys>,
    /// Keys that came from elsewhere since.
    fetched: Arc<Keys>,
    audience: Vec<String>,
    issuer: Vec<String>,
    leeway_ms: u64,
    allow_no_expiry: bool,
    rules: Rules,
}

/// What the header of a token says about its signature.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "super::claims::present")]
    kid: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "super::claims::present")]
    crit: Option<IgnoredAny>,
}

impl Verifier {
    /// Reads the keys that the options name. `rules` are those of the hub, for the names of users
    /// and topics.
    ///
    /// # Errors
    /// The first key or option that cannot be used.
    pub fn new(options: &JwtOptions, rules: Rules) -> Result<Self, AuthError> {
        if options.leeway > MAX_LEEWAY {
            let problem = "a leeway is at most 5 minutes; set the clocks".to_owned();
            return Err(AuthError::Option("jwt.leeway", problem));
        }
        let keys = Keys::load(options)?;
        if keys.is_empty() && options.jwks_url.is_none() {
            return Err(AuthError::NoKeys);
        }
        Ok(Self {
            keys: Arc::new(keys),
            fetched: Arc::default(),
            audience: options.audience.clone(),
            issuer: options.issuer.clone(),
            leeway_ms: milliseconds(options.leeway),
            allow_no_expiry: options.allow_no_expiry,
            rules,
        })
    }

    /// Takes keys that were fetched, in place of those that were fetched before.
    #[must_use]
    pub fn with_fetched(self, fetched: Arc<Keys>) -> Self {
        Self { fetched, ..self }
    }

    /// The keys that were fetched last.
    pub(super) fn fetched(&self) -> Arc<Keys> {
        self.fetched.clone()
    }

    /// Checks a token at a Unix time, and says who has it, until when.
    ///
    /// The signature comes first: what a token claims is not even read before.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, token: &str, now_ms: u64) -> Result<Identity, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            let limit = MAX_TOKEN_BYTES;
            return Err(TokenError::TooLong { limit });
        }
        let (message, signature) = token.rsplit_once('.').ok_or(THREE_PARTS)?;
        let (header, claims) = message.split_once('.').ok_or(THREE_PARTS)?;
        if claims.contains('.') {
            return Err(THREE_PARTS);
        }
        let header = decode(header, "its header is no UTF-8 in base64url")?;
        let Object(header) = serde_json::from_str::<Object<Header<'_>>>(&header)
            .map_err(|_| TokenError::Malformed("its header is no JSON object with alg"))?;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        self.check_signature(&header, message, signature)?;
        let claims = decode(claims, "its claims are no UTF-8 in base64url")?;
        let claims = Claims::parse(&claims)?;
        self.check_times(&claims, now_ms)?;
        self.check_parties(&claims)?;
        // What a token lets in ends when it says. Only one that has just ended by this clock goes on for
        // the leeway, for whoever signs it goes by another.
        let until = claims.exp_ms.map(|exp| match exp > now_ms {
            true => exp,
            false => exp + self.leeway_ms,
        });
        claims.identity(until, &self.rules)
    }

    /// Whether the token is signed with a key that it may be signed with.
    fn check_signature(
        &self,
        header: &Header<'_>,
        message: &str,
        signature: &str,
    ) -> Result<(), TokenError> {
        let algorithm: Algorithm = header.alg.parse().map_err(|_| TokenError::Algorithm)?;
        let sets = [&*self.keys, &*self.fetched];
        if let Some(id) = &header.kid
            && let Some(key) = sets.iter().find_map(|keys| keys.named(id))
        {
            if key.algorithm != algorithm {
                return Err(TokenError::Algorithm);
            }
            return key.check(message, signature);
        }
        let mut unnamed = sets
            .iter()
            .flat_map(|keys| keys.unnamed(algorithm))
            .peekable();
        if unnamed.peek().is_some() {
            let is_signed = unnamed.any(|key| key.check(message, signature).is_ok());
            return is_signed.then_some(()).ok_or(TokenError::Signature);
        }
        if header.kid.is_some() {
            return Err(TokenError::UnknownKey);
        }
        // A token that names no key is of the only one that there is.
        let mut all = sets.iter().flat_map(|keys| keys.with(algorithm));
        match (all.next(), all.next()) {
            (Some(only), None) => only.check(message, signature),
            _ => Err(TokenError::UnknownKey),
        }
    }

    fn check_times(&self, claims: &Claims, now_ms: u64) -> Result<(), TokenError> {
        match claims.exp_ms {
            None if !self.allow_no_expiry => return Err(TokenError::NoExpiry),
            Some(exp) if now_ms >= exp + self.leeway_ms => return Err(TokenError::Expired),
            _ => {}
        }
        match claims.nbf_ms {
            Some(nbf) if now_ms + self.leeway_ms < nbf => Err(TokenError::NotYetValid),
            _ => Ok(()),
        }
    }

    /// Whether the token is from and for the right ones. One that says whom it is for is for nobody
    /// else (RFC 7519, section 4.1.3).
    fn check_parties(&self, claims: &Claims) -> Result<(), TokenError> {
        let is_for_us = match &*claims.aud {
            [] => self.audience.is_empty(),
            audience => audience.iter().any(|one| self.audience.contains(one)),
        };
        if !is_for_us {
            return Err(TokenError::Audience);
        }
        let issuer = claims.iss.as_ref();
        if self.issuer.is_empty() || issuer.is_some_and(|issuer| self.issuer.contains(issuer)) {
            Ok(())
        } else {
            Err(TokenError::Issuer)
        }
    }
}

const THREE_PARTS: TokenError = TokenError::Malformed("it is not three parts with dots between");

/// What a part says, which is UTF-8 as a whole, also where nobody looks (RFC 7519, section 7.2).
fn decode(part: &str, problem: &'static str) -> Result<String, TokenError> {
    let decoded = URL_SAFE_NO_PAD.decode(part).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or(TokenError::Malformed(problem))
}

impl Key {
    fn check(&self, message: &str, signature: &str) -> Result<(), TokenError> {
        let algorithm = self.algorithm.of_library();
        match crypto::verify(signature, message.as_bytes(), &self.key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(TokenError::Signature),
        }
    }
}

// Sums of times and leeways fit.
const _: () = assert!(MAX_SECONDS < u64::MAX / 2_000);
