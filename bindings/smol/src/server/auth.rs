//! Who asks: tokens of other issuers, keys of application servers, what the application says, or
//! nobody in particular.
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
mod forward;
mod jwks;
mod keys;
mod mint;
mod options;
mod static_keys;
mod verify;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use error::{AuthError, KeyProblem, TokenError};
pub(super) use extract::cookies;
pub use forward::ForwardOptions;
pub use keys::Keys;
pub use mint::{NewToken, SigningKey};
pub use options::{AuthOptions, JwtOptions, KeyOptions, StaticKeyOptions};
pub use verify::Verifier;

use super::error::ApiError;
use super::identity::{Credential, Identity};
use crate::driver::unix_ms;
use async_channel::{Receiver, Sender};
use forward::Forward;
use hyper::Request;
use jwks::{Freshness, Jwks};
use smol::future::or;
use static_keys::StaticKeys;
use std::cell::RefCell;
use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tidings_core::Rules;

/// Bytes of a token: what proxies, too, take as one header.
const MAX_TOKEN_BYTES: usize = 8 << 10;

/// Bytes of a file with a key or a set of keys.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Finds out who asks. What it goes by can be changed while it is in use.
pub(super) struct Auth {
    rules: Rules,
    known: RefCell<Arc<Known>>,
    /// Says that something else is known.
    reloaded: (Sender<()>, Receiver<()>),
}

/// What is known of those who may ask.
#[derive(Clone)]
struct Known {
    options: AuthOptions,
    verifier: Option<Verifier>,
    keys: StaticKeys,
    jwks: Option<Arc<Jwks>>,
    forward: Option<Forward>,
}

impl Auth {
    /// Reads all files that the options name.
    pub(super) fn new(options: AuthOptions, rules: Rules) -> Result<Self, AuthError> {
        let known = RefCell::new(Arc::new(Known::load(options, &rules)?));
        let reloaded = async_channel::bounded(1);
        Ok(Self {
            rules,
            known,
            reloaded,
        })
    }

    /// Fetches the keys that are fetched, again and again.
    pub(super) async fn run(&self) -> Infallible {
        loop {
            let known = self.known();
            let reloaded = async {
                let _ = self.reloaded.1.recv().await;
            };
            match &known.jwks {
                Some(jwks) => {
                    let fetch = async { match jwks.run(|keys| self.take(jwks, keys)).await {} };
                    or(fetch, reloaded).await;
                }
                None => reloaded.await,
            }
        }
    }

    /// Goes by other options and by what is in the files now. Where something in them cannot be used,
    /// all stays as it was. Keys that were fetched stay, if they are still fetched from there.
    pub(super) fn reload(&self, options: AuthOptions) -> Result<(), AuthError> {
        let (old, mut new) = (self.known(), Known::load(options, &self.rules)?);
        if let (Some(old_jwks), Some(jwks)) = (&old.jwks, &new.jwks)
            && old_jwks.is_same(jwks)
        {
            new.jwks = Some(old_jwks.clone());
            let fetched = old.verifier.as_ref().map(Verifier::fetched);
            new.set_fetched(fetched.unwrap_or_default());
        }
        if old.options.forward == new.options.forward {
            new.forward.clone_from(&old.forward);
        }
        self.known.replace(Arc::new(new));
        // Full is fine: it has not been heard yet.
        let _ = self.reloaded.0.try_send(());
        Ok(())
    }

    /// Takes keys that were fetched, in place of those that were fetched before.
    fn take(&self, from: &Arc<Jwks>, keys: Keys) {
        let mut known = Known::clone(&self.known());
        let is_current = known
            .jwks
            .as_ref()
            .is_some_and(|jwks| Arc::ptr_eq(jwks, from));
        if is_current {
            known.set_fetched(Arc::new(keys));
            self.known.replace(Arc::new(known));
        }
    }

    /// Lets go of what the application has said of a user.
    pub(super) fn forget_user(&self, user: &str) {
        if let Some(forward) = &self.known().forward {
            forward.forget_user(user);
        }
    }

    /// Lets go of what the application has said of a token, by the name that it gave it.
    pub(super) fn forget_token(&self, token_id: &str) {
        if let Some(forward) = &self.known().forward {
            forward.forget_token(token_id);
        }
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
        if let Some((credential, token)) = token
            && let Some(identity) = self.check(&known, credential, &token).await?
        {
            return Ok(identity);
        }
        match &known.forward {
            Some(forward) => forward.identify(request).await,
            None => Ok(Identity {
                access: known.options.anonymous.clone(),
                ..Identity::default()
            }),
        }
    }

    /// Who has this token; none where only the application can know.
    async fn check(
        &self,
        known: &Known,
        credential: Credential,
        token: &str,
    ) -> Result<Option<Identity>, ApiError> {
        let mut checked = known.check(credential, token);
        if checked == Err(TokenError::UnknownKey) {
            if known.verifier.is_none() && known.forward.is_some() {
                return Ok(None);
            }
            if let Some(jwks) = &known.jwks {
                match jwks.look_again().await {
                    Freshness::New => checked = self.known().check(credential, token),
                    Freshness::Asked => {}
                    Freshness::Unknown => {
                        let message = "the keys of tokens cannot be fetched now; try again";
                        return Err(ApiError::unavailable("auth_unavailable", message));
                    }
                }
            }
        }
        checked.map(Some).map_err(invalid_token)
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
        let jwks = jwt.map(Jwks::new).transpose()?.flatten().map(Arc::new);
        let forward = options.forward.as_ref();
        let forward = forward.map(|forward| Forward::new(forward, rules.clone()));
        let forward = forward.transpose()?;
        Ok(Self {
            options,
            verifier,
            keys,
            jwks,
            forward,
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

    fn set_fetched(&mut self, keys: Arc<Keys>) {
        let verifier = self.verifier.take();
        self.verifier = verifier.map(|verifier| verifier.with_fetched(keys));
    }
}

/// A token that is not good (RFC 6750, section 3.1).
fn invalid_token(error: TokenError) -> ApiError {
    ApiError::unauthorized("invalid_token", error.to_string()).challenging("invalid_token")
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

    /// What is said while keys cannot be fetched.
    const NOT_NOW: &str = "the keys of tokens cannot be fetched now; try again";

    #[test]
    fn keys_can_be_changed_while_they_are_in_use() {
        let auth = auth(options(&[1]));
        assert_eq!(refused(&auth, 1), None);
        assert_eq!(refused(&auth, 2).as_deref(), Some(NOT_NOW));
        auth.reload(options(&[2])).unwrap();
        assert_eq!(refused(&auth, 1).as_deref(), Some(NOT_NOW));
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
        assert_eq!(refused(&auth, 7).as_deref(), Some(NOT_NOW));
        let fetch = |auth: &Auth| {
            let from = auth.known().jwks.clone().unwrap();
            auth.take(&from, fetched());
        };
        let before = auth.known().jwks.clone().unwrap();
        fetch(&auth);
        assert_eq!((refused(&auth, 1), refused(&auth, 7)), (None, None));
        auth.reload(options(&[1])).unwrap();
        assert_eq!(refused(&auth, 7), None);
        auth.reload(elsewhere).unwrap();
        assert_eq!(refused(&auth, 7).as_deref(), Some(NOT_NOW));
        // What is late comes from where nobody is asked any more.
        auth.take(&before, fetched());
        assert_eq!(refused(&auth, 7).as_deref(), Some(NOT_NOW));
    }
}
