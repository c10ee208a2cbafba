//! What can be wrong with keys and with tokens.
//!
//! It does not know HTTP. No error has a token or a key in it.

use super::Algorithm;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why keys, or what else is said about those who ask, cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum AuthError {
    /// A file cannot be read.
    File(PathBuf, io::Error),
    /// A key cannot be used: which, and why.
    Key(String, KeyProblem),
    /// A text is no JWK set (RFC 7517): where in it.
    Jwks(String),
    /// More keys than there may be.
    TooManyKeys {
        /// How many there may be.
        limit: usize,
    },
    /// There are tokens to be checked, and no key for it.
    NoKeys,
    /// Whether there is authentication at all can only be said when the server starts.
    OnlyAtStart,
    /// Something else that is said does not fit: what, and why.
    Option(&'static str, String),
}

/// Why a key cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeyProblem {
    /// It is not said exactly once what the key is.
    NotOnce(&'static str),
    /// The secret is shorter than the algorithm asks for.
    ShortSecret {
        /// For which algorithm.
        algorithm: Algorithm,
        /// The least number of bytes.
        least: usize,
    },
    /// It is a secret for an algorithm with a pair of keys, or the other way round.
    WrongKind(Algorithm),
    /// It is no public key for the algorithm.
    NotPublic(Algorithm),
    /// It is no private key for the algorithm.
    NotPrivate(Algorithm),
    /// Another key has this id or name.
    Twice,
    /// Another one is the same key.
    Same,
    /// It is not at least 32 characters, or has one that a header cannot carry.
    NotStatic,
    /// It is for an algorithm, or of a kind, that this server does not know.
    Unknown,
}

/// Why a token is not good.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TokenError {
    /// It is not three parts in base64url of which the first two are JSON objects: which is not.
    Malformed(&'static str),
    /// It is longer than tokens are.
    TooLong {
        /// `MAX_TOKEN_BYTES`.
        limit: usize,
    },
    /// It says that something in its header must be understood, which is not.
    Critical,
    /// Its algorithm is none of those that the server knows, or not the one of its key.
    Algorithm,
    /// There is no key that it may be signed with.
    UnknownKey,
    /// The signature is not that of the key.
    Signature,
    /// It has no end.
    NoExpiry,
    /// It has ended.
    Expired,
    /// It is for later.
    NotYetValid,
    /// It is for others than this server.
    Audience,
    /// It is from someone whose tokens are not taken.
    Issuer,
    /// A claim is not what it should be.
    Claim {
        /// Which.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::Key(key, problem) => write!(f, "{key}: {problem}"),
            Self::Jwks(error) => write!(f, "not a set of keys: {error}"),
            Self::TooManyKeys { limit } => write!(f, "there are more than {limit} keys"),
            Self::NoKeys => f.write_str(
                "there is no key to check tokens with: name one in jwt.keys, or a set of them as \
                 jwt.jwks_file or jwt.jwks_url",
            ),
            Self::OnlyAtStart => {
                f.write_str("whether there is authentication is said when the server starts")
            }
            Self::Option(option, problem) => write!(f, "{option}: {problem}"),
        }
    }
}

impl std::error::Error for AuthError {}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOnce(ways) => write!(f, "give exactly one of {ways}"),
            Self::ShortSecret { algorithm, least } => {
                write!(f, "a secret for {algorithm} has at least {least} bytes")
            }
            Self::WrongKind(algorithm) if algorithm.secret_bytes().is_some() => {
                write!(f, "{algorithm} needs a secret, not a pair of keys")
            }
            Self::WrongKind(algorithm) => write!(f, "{algorithm} needs a pair of keys, in PEM"),
            Self::NotPublic(algorithm) => {
                let kind = kind(*algorithm);
                write!(f, "it is no public key for {algorithm}, which is {kind}")
            }
            Self::NotPrivate(algorithm) => {
                let kind = kind(*algorithm);
                write!(f, "it is no private key for {algorithm}, which is {kind}")
            }
            Self::Twice => f.write_str("there are two of this name"),
            Self::Same => f.write_str("it is the same key as another"),
            Self::NotStatic => f.write_str(
                "a key has at least 32 characters, of letters, digits and -._~+/, and perhaps = \
                 at the end",
            ),
            Self::Unknown => f.write_str("it is of a kind that is not used here"),
        }
    }
}

impl std::error::Error for KeyProblem {}

/// What the keys of an algorithm are.
const fn kind(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rs256 => "RSA with 2,048 to 8,192 bits",
        Algorithm::Es256 => "a point on the curve P-256",
        Algorithm::EdDsa => "Ed25519",
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => "a secret",
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(part) => write!(f, "the token is malformed: {part}"),
            Self::TooLong { limit } => write!(f, "a token has at most {limit} bytes"),
            Self::Critical => {
                f.write_str("the token needs something understood that is not known here")
            }
            Self::Algorithm => f.write_str("the algorithm of the token is not that of its key"),
            Self::UnknownKey => f.write_str("the key of the token is unknown"),
            Self::Signature => f.write_str("the signature of the token is wrong"),
            Self::NoExpiry => f.write_str("the token has no end: the claim exp is missing"),
            Self::Expired => f.write_str("the token has expired"),
            Self::NotYetValid => f.write_str("the token is not valid yet"),
            Self::Audience => f.write_str("the token is for another audience"),
            Self::Issuer => f.write_str("the token is from another issuer"),
            Self::Claim { name, problem } => write!(f, "the claim {name}: {problem}"),
        }
    }
}

impl std::error::Error for TokenError {}
