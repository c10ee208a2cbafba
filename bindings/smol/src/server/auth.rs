//! Who asks: tokens of other issuers, keys of application servers, or nobody in particular.
//!
//! It does not know what is asked for; what may be done is in [`Identity`].
//!
//! A token may come in the header `Authorization: Bearer`, in a cookie, or in the query (RFC 6750,
//! section 2), and is a key that this server was told, or a signed token (RFC 7519) that is checked
//! as RFC 8725 advises: see [`Verifier`].

mod algorithm;
mod claims;
mod error;
mod extract;
mod keys;
mod mint;
mod options;
mod static_keys;
mod verify;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use error::{AuthError, KeyProblem, TokenError};
pub use keys::Keys;
pub use mint::{NewToken, SigningKey};
pub use options::{AuthOptions, JwtOptions, KeyOptions, StaticKeyOptions};
pub use verify::Verifier;

use super::error::ApiError;
use super::identity::{Credential, Identity};
use hyper::Request;
use static_keys::StaticKeys;
use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tidings_core::Rules;

/// Bytes of a token: what proxies, too, take as one header.
const MAX_TOKEN_BYTES: usize = 8 << 10;

/// Bytes of a file with a key or a set of keys.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Finds out who asks. What it goes by can be changed while it is in use.
pub(super) struct Auth {
    rules: Rules,
    known: RefCell<Arc<Known>>,
}

/// What is known of those who may ask.
#[derive(Clone)]
struct Known {
    options: AuthOptions,
    verifier: Option<Verifier>,
    keys: StaticKeys,
}

impl Auth {
    /// Reads all files that the options name.
    pub(super) fn new(options: AuthOptions, rules: Rules) -> Result<Self, AuthError> {
        let known = RefCell::new(Arc::new(Known::load(options, &rules)?));
        Ok(Self { rules, known })
    }

    /// Goes by other options and by what is in the files now. Where something in them cannot be used,
    /// all stays as it was. Keys that were fetched stay, if they are still fetched from there.
    pub(super) fn reload(&self, options: AuthOptions) -> Result<(), AuthError> {
        let (old, mut new) = (self.known(), Known::load(options, &self.rules)?);
        if old.jwks_url().is_some() && old.jwks_url() == new.jwks_url() {
            let fetched = old.verifier.as_ref().map(Verifier::fetched);
            new.set_fetched(fetched.unwrap_or_default());
        }
        self.known.replace(Arc::new(new));
        Ok(())
    }

    /// Takes keys that were fetched, in place of those that were fetched before.
    #[cfg_attr(not(test), expect(dead_code, reason = "nobody fetches keys yet"))]
    pub(super) fn set_fetched_keys(&self, keys: Keys) {
        let mut known = Known::clone(&self.known());
        known.set_fetched(Arc::new(keys));
        self.known.replace(Arc::new(known));
    }

    /// Who asks. The token is taken out of the request where it could be logged.
    ///
    /// # Errors
    /// 400 where it is not clear what the token is, 401 where it is not good.
    pub(super) async fn identify<B>(&self, request: &mut Request<B>) -> Result<Identity, ApiError> {
        let known = self.known();
        let token = extract::take_token(request, &known.options).map_err(|problem| {
            ApiError::bad("invalid_request", problem).challenging("invalid_request")
        })?;
        match token {
            Some((credential, token)) => known.check(credential, &token).map_err(invalid_token),
            None => Ok(Identity {
                access: known.options.anonymous.clone(),
                ..Identity::default()
            }),
        }
    }

    fn known(&self) -> Arc<Known> {
        self.known.borrow().clone()
    }
}

impl Known {
    fn load(options: AuthOptions, rules: &Rules) -> Result<Self, AuthError> {
        let checked = options.anonymous.check_names(rules);
        checked.map_err(|problem| AuthError::Option("anonymous", problem))?;
        let jwt = options.jwt.as_ref();
        let place = options.cookie.as_ref().or(options.query.as_ref());
        if let (None, Some(place)) = (jwt, place) {
            let problem = format!("there are no tokens that {place:?} could carry: say jwt.keys");
            return Err(AuthError::Option("cookie and query", problem));
        }
        let verifier = jwt
            .map(|jwt| Verifier::new(jwt, rules.clone()))
            .transpose()?;
        let keys = StaticKeys::load(&options.keys, rules)?;
        Ok(Self {
            options,
            verifier,
            keys,
        })
    }

    /// Who has this token. Keys of servers are for servers, which have headers.
    fn check(&self, credential: Credential, token: &str) -> Result<Identity, TokenError> {
        if credential == Credential::Header
            && let Some(identity) = self.keys.identify(token)
        {
            return Ok(Identity {
                credential,
                ..identity
            });
        }
        let verifier = self.verifier.as_ref().ok_or(TokenError::UnknownKey)?;
        let identity = verifier.verify(token, unix_ms())?;
        Ok(Identity {
            credential,
            ..identity
        })
    }

    /// Where keys are fetched from.
    fn jwks_url(&self) -> Option<&str> {
        self.options.jwt.as_ref()?.jwks_url.as_deref()
    }

    fn set_fetched(&mut self, keys: Arc<Keys>) {
        let verifier = self.verifier.take();
        self.verifier = verifier.map(|verifier| verifier.with_fetched(keys));
    }
}

/// A token that is not good (RFC 6750, section 3.1).
fn invalid_token(error: TokenError) -> ApiError {
    ApiError::unauthorized("invalid_token", error.to_string()).challenging("invalid_token")
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// A text from a file, without a line break at its end.
fn read_text(path: &Path) -> Result<String, AuthError> {
    let read = || {
        if fs::metadata(path)?.len() > MAX_FILE_BYTES {
            let problem = format!("it has more than {MAX_FILE_BYTES} bytes");
            return Err(std::io::Error::other(problem));
        }
        fs::read_to_string(path)
    };
    let mut text = read().map_err(|error| AuthError::File(path.to_owned(), error))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::secret::Secret;
    use tidings_core::HubOptions;

    fn secret(number: u8) -> String {
        format!("secret {number}, which is long enough for any")
    }

    fn options(numbers: &[u8]) -> AuthOptions {
        let key = |number: &u8| KeyOptions {
            id: Some(number.to_string()),
            algorithm: Algorithm::Hs256,
            secret: Some(Secret::from(secret(*number))),
            secret_file: None,
            pem_file: None,
        };
        AuthOptions {
            jwt: Some(JwtOptions {
                keys: numbers.iter().map(key).collect(),
                jwks_url: Some("https://keys.example".to_owned()),
                ..JwtOptions::default()
            }),
            ..AuthOptions::default()
        }
    }

    fn request(number: u8) -> Request<()> {
        let key = SigningKey::from_secret(Algorithm::Hs256, &secret(number)).unwrap();
        let token = NewToken {
            expires_s: Some(unix_ms() / 1_000 + 60),
            ..NewToken::default()
        };
        let token = key.with_id(number.to_string()).sign(&token).unwrap();
        let request = Request::builder().header("authorization", format!("Bearer {token}"));
        request.body(()).unwrap()
    }

    /// The code that the token of a key is refused with.
    fn refused(auth: &Auth, number: u8) -> Option<String> {
        let identified = smol::block_on(auth.identify(&mut request(number)));
        identified.err().map(|refused| refused.message)
    }

    fn auth(options: AuthOptions) -> Auth {
        let rules = Rules::new(&HubOptions::default()).unwrap();
        Auth::new(options, rules).unwrap()
    }

    const UNKNOWN: &str = "the key of the token is unknown";

    #[test]
    fn keys_can_be_changed_while_they_are_in_use() {
        let auth = auth(options(&[1]));
        assert_eq!(refused(&auth, 1), None);
        assert_eq!(refused(&auth, 2).as_deref(), Some(UNKNOWN));
        auth.reload(options(&[2])).unwrap();
        assert_eq!(refused(&auth, 1).as_deref(), Some(UNKNOWN));
        assert_eq!(refused(&auth, 2), None);
    }

    #[test]
    fn what_cannot_be_used_changes_nothing() {
        let auth = auth(options(&[1]));
        let mut broken = options(&[2]);
        broken.keys.push(StaticKeyOptions {
            name: "app".to_owned(),
            key: Some(Secret::from("too short".to_owned())),
            key_file: None,
            access: super::super::Access::publishing(),
        });
        let error = auth.reload(broken).unwrap_err().to_string();
        assert!(error.starts_with("the key of \"app\": "), "{error}");
        assert_eq!(refused(&auth, 1), None);
    }

    #[test]
    fn fetched_keys_stay_while_they_are_fetched_from_the_same_place() {
        let mut elsewhere = options(&[1]);
        let jwt = elsewhere.jwt.as_mut().unwrap();
        jwt.jwks_url = Some("https://elsewhere.example".to_owned());
        let fetched = || Keys::load(options(&[7]).jwt.as_ref().unwrap()).unwrap();
        let auth = auth(options(&[1]));
        assert_eq!(refused(&auth, 7).as_deref(), Some(UNKNOWN));
        auth.set_fetched_keys(fetched());
        assert_eq!((refused(&auth, 1), refused(&auth, 7)), (None, None));
        auth.reload(options(&[1])).unwrap();
        assert_eq!(refused(&auth, 7), None);
        auth.reload(elsewhere).unwrap();
        assert_eq!(refused(&auth, 7).as_deref(), Some(UNKNOWN));
    }
}
