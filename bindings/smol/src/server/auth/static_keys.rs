//! Keys of application servers, which they send as they are.
//!
//! It does not know what the servers want. Keys are compared in constant time, and all of them every
//! time: how long it takes says nothing about how much of a key was right.

use super::error::{AuthError, KeyProblem};
use super::extract::is_token;
use super::options::StaticKeyOptions;
use super::{MAX_TOKEN_BYTES, read_text};
use crate::server::identity::{Access, Identity};
use crate::server::secret::Secret;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use tidings_core::Rules;

/// Application servers of one hub.
const MAX_KEYS: usize = 100;

/// 32 characters in base64 are 192 bits.
const LEAST_CHARACTERS: usize = 32;

#[derive(Clone, Debug, Default)]
pub(super) struct StaticKeys(Vec<StaticKey>);

#[derive(Clone, Debug)]
struct StaticKey {
    name: String,
    key: Secret,
    access: Access,
}

impl StaticKeys {
    pub(super) fn load(options: &[StaticKeyOptions], rules: &Rules) -> Result<Self, AuthError> {
        if options.len() > MAX_KEYS {
            return Err(AuthError::TooManyKeys { limit: MAX_KEYS });
        }
        let mut keys = Self::default();
        for options in options {
            let name = format!("the key of {:?}", options.name);
            let problem = |problem| AuthError::Key(name.clone(), problem);
            let key = match (&options.key, &options.key_file) {
                (Some(key), None) => key.clone(),
                (None, Some(path)) => read_text(path)?.into(),
                _ => return Err(problem(KeyProblem::NotOnce("key and key_file"))),
            };
            let len = key.expose().len();
            if !is_token(key.expose()) || !(LEAST_CHARACTERS..=MAX_TOKEN_BYTES).contains(&len) {
                return Err(problem(KeyProblem::NotStatic));
            }
            if keys.0.iter().any(|other| other.name == options.name) {
                return Err(problem(KeyProblem::Twice));
            }
            if keys.find(key.expose()).is_some() {
                return Err(problem(KeyProblem::Same));
            }
            let access = options.access.clone();
            let checked = access.check_names(rules);
            checked.map_err(|problem| AuthError::Option("keys.access", problem))?;
            let name = options.name.clone();
            keys.0.push(StaticKey { name, key, access });
        }
        Ok(keys)
    }

    /// Whose key this is, if it is one.
    pub(super) fn identify(&self, token: &str) -> Option<Identity> {
        self.find(token).map(|key| Identity {
            server: Some(key.name.clone()),
            access: key.access.clone(),
            ..Identity::default()
        })
    }

    fn find(&self, token: &str) -> Option<&StaticKey> {
        let mut found = None;
        for key in &self.0 {
            if verify_slices_are_equal(key.key.expose().as_bytes(), token.as_bytes()).is_ok() {
                found = Some(key);
            }
        }
        found
    }
}
