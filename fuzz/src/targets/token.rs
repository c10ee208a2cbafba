//! Tokens that anyone may send: without the secret none is good, and with it exactly those that say
//! what they should.
//!
//! It does not know HTTP. Signatures are made by a library; what is signed is judged by `claims`.

mod claims;

use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claims::{Expected, is_header};
use jsonwebtoken::{Algorithm as Signature, EncodingKey, crypto};
use std::sync::LazyLock;
use std::time::Duration;
use tidings_core::{HubOptions, Rules};
use tidings_smol::server::{Algorithm, JwtOptions, KeyOptions, Secret, Verifier};

const SECRET: &str = "thirty-two bytes or more, of which no fuzzer knows";

/// The time of all checks, in seconds.
const NOW: u64 = 1_700_000_000;

const LEEWAY: u64 = 30;

/// What is in the way of those who judge by an audience and an issuer.
static STRICT: LazyLock<Option<Verifier>> = LazyLock::new(|| verifier(true));
static LAX: LazyLock<Option<Verifier>> = LazyLock::new(|| verifier(false));

fn verifier(strict: bool) -> Option<Verifier> {
    let own = |name: &str| {
        if strict {
            vec![name.to_owned()]
        } else {
            Vec::new()
        }
    };
    let options = JwtOptions {
        audience: own("us"),
        issuer: own("login"),
        leeway: Duration::from_secs(LEEWAY),
        allow_no_expiry: !strict,
        keys: vec![KeyOptions {
            id: None,
            algorithm: Algorithm::Hs256,
            secret: Some(Secret::from(SECRET.to_owned())),
            secret_file: None,
            pem_file: None,
        }],
        ..JwtOptions::default()
    };
    let rules = Rules::new(&HubOptions::default()).ok()?;
    Verifier::new(&options, rules).ok()
}

/// Checks one token. The first byte says how it is made: 1 for the rest as it is, 2 for a strict
/// judge, 4 for a signature with another secret. Else header and claims stand with a 0 between.
///
/// # Errors
/// Where a token is taken that nobody signed, or that does not say what it should; where a good one
/// is refused, or read as another; where an error shows the token.
pub fn check(bytes: &[u8]) -> Verdict {
    let Some((&kind, rest)) = bytes.split_first() else {
        return Ok(());
    };
    let strict = kind & 2 != 0;
    let verifier = if strict { &STRICT } else { &LAX };
    let verifier = verifier.as_ref().ok_or("there is no verifier")?;
    if kind & 1 != 0 {
        return never_good(verifier, &String::from_utf8_lossy(rest));
    }
    let middle = rest.iter().position(|byte| *byte == 0);
    let (header, claims) = match middle {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (&br#"{"alg":"HS256"}"#[..], rest),
    };
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let message = format!("{}.{}", encode(header), encode(claims));
    never_good(verifier, &message)?;
    never_good(verifier, &format!("{message}."))?;
    let secret = if kind & 4 != 0 {
        "another secret"
    } else {
        SECRET
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, Signature::HS256);
    let signature = signature.map_err(|error| error.to_string())?;
    let token = format!("{message}.{signature}");
    if kind & 4 != 0 {
        return never_good(verifier, &token);
    }
    let expected = if is_header(header) && token.len() <= 8_192 {
        Expected::of(claims, strict)
    } else {
        None
    };
    let found = verifier.verify(&token, NOW * 1_000);
    match (found, expected) {
        (Err(_), None) => Ok(()),
        (Ok(found), None) => Err(format!("taken: {found:?}")),
        (Err(error), Some(expected)) => Err(format!("refused, {error}: {expected:?}")),
        (Ok(found), Some(expected)) => {
            ensure_eq!(found, expected.identity(), "who has the token");
            Ok(())
        }
    }
}

/// A token that is not signed is refused, with words that do not show it.
fn never_good(verifier: &Verifier, token: &str) -> Verdict {
    match verifier.verify(token, NOW * 1_000) {
        Ok(identity) => Err(format!("taken without a signature: {identity:?}")),
        Err(error) => {
            let shows = token.len() > 24 && error.to_string().contains(token);
            ensure!(!shows, "{error} shows the token");
            Ok(())
        }
    }
}
