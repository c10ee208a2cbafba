//! The settings of authentication on the command line and in the environment: enough to do without a
//! file.
//!
//! It does not know what is done with them.

use clap::{ArgGroup, Args};
use std::path::{Path, PathBuf};
use tidings_smol::server::{
    Access, Algorithm, AuthOptions, JwtOptions, KeyOptions, StaticKeyOptions,
};

/// With any of these there is authentication, and only what tokens and keys allow may be done.
#[derive(Args)]
#[command(
    next_help_heading = "Authentication",
    group = ArgGroup::new("jwt_key").args(["jwt_secret_file", "jwt_key_file"])
)]
pub(super) struct AuthFlags {
    /// A file with the secret that tokens (JWT) are signed with
    #[arg(long, value_name = "FILE", env = "TIDINGS_JWT_SECRET_FILE")]
    jwt_secret_file: Option<PathBuf>,
    /// A file with the public key, in PEM, of those who sign tokens
    #[arg(
        long,
        value_name = "FILE",
        env = "TIDINGS_JWT_KEY_FILE",
        requires = "jwt_algorithm"
    )]
    jwt_key_file: Option<PathBuf>,
    /// What that secret or key is for: HS256, HS384, HS512, RS256, ES256 or EdDSA [default: HS256
    /// for a secret]
    #[arg(
        long,
        value_name = "NAME",
        env = "TIDINGS_JWT_ALGORITHM",
        requires = "jwt_key"
    )]
    jwt_algorithm: Option<Algorithm>,
    /// A file with public keys, a JWK set
    #[arg(long, value_name = "FILE", env = "TIDINGS_JWKS_FILE")]
    jwks_file: Option<PathBuf>,
    /// A name of this server: tokens must be for one of them (repeatable)
    #[arg(
        long,
        value_name = "NAME",
        env = "TIDINGS_JWT_AUDIENCE",
        value_delimiter = ','
    )]
    jwt_audience: Vec<String>,
    /// Whose tokens are taken (repeatable) [default: of everyone who has a key]
    #[arg(
        long,
        value_name = "NAME",
        env = "TIDINGS_JWT_ISSUER",
        value_delimiter = ','
    )]
    jwt_issuer: Vec<String>,
    /// A file with the key of an application server, which may publish everything (repeatable)
    #[arg(
        long,
        value_name = "FILE",
        env = "TIDINGS_PUBLISH_KEY_FILE",
        value_delimiter = ','
    )]
    publish_key_file: Vec<PathBuf>,
    /// The cookie that may carry a token, beside the header `Authorization`
    #[arg(long, value_name = "NAME", env = "TIDINGS_TOKEN_COOKIE")]
    token_cookie: Option<String>,
    /// The parameter of the query that may carry a token; URLs are logged in many places
    #[arg(long, value_name = "NAME", env = "TIDINGS_TOKEN_QUERY")]
    token_query: Option<String>,
}

impl AuthFlags {
    /// Says over other settings what was said here.
    pub(super) fn apply(&self, auth: &mut Option<AuthOptions>) {
        let jwt = |auth: &mut Option<AuthOptions>, set: &dyn Fn(&mut JwtOptions)| {
            let auth = auth.get_or_insert_default();
            set(auth.jwt.get_or_insert_default());
        };
        if self.jwt_secret_file.is_some() || self.jwt_key_file.is_some() {
            jwt(auth, &|jwt| jwt.keys = vec![self.key()]);
        }
        if self.jwks_file.is_some() {
            jwt(auth, &|jwt| jwt.jwks_file.clone_from(&self.jwks_file));
        }
        if !self.jwt_audience.is_empty() {
            jwt(auth, &|jwt| jwt.audience.clone_from(&self.jwt_audience));
        }
        if !self.jwt_issuer.is_empty() {
            jwt(auth, &|jwt| jwt.issuer.clone_from(&self.jwt_issuer));
        }
        if !self.publish_key_file.is_empty() {
            let keys = self.publish_key_file.iter().map(|file| server(file));
            auth.get_or_insert_default().keys = keys.collect();
        }
        if self.token_cookie.is_some() {
            auth.get_or_insert_default()
                .cookie
                .clone_from(&self.token_cookie);
        }
        if self.token_query.is_some() {
            auth.get_or_insert_default()
                .query
                .clone_from(&self.token_query);
        }
    }

    fn key(&self) -> KeyOptions {
        KeyOptions {
            id: None,
            algorithm: self.jwt_algorithm.unwrap_or(Algorithm::Hs256),
            secret: None,
            secret_file: self.jwt_secret_file.clone(),
            pem_file: self.jwt_key_file.clone(),
        }
    }
}

/// An application server, which is called as the file with its key.
fn server(file: &Path) -> StaticKeyOptions {
    StaticKeyOptions {
        name: file.display().to_string(),
        key: None,
        key_file: Some(file.to_owned()),
        access: Access::publishing(),
    }
}
