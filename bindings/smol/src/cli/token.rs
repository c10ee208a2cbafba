//! `tidings token`: makes a token, so that a server with authentication can be tried out.
//!
//! It does not know any server. The token alone is on standard output, and the key nowhere.

use super::{fail, print};
use clap::{ArgGroup, Args};
use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tidings_smol::server::{Access, Algorithm, NewToken, SigningKey};
use tidings_smol::{HubOptions, Rules};

#[derive(Args)]
#[command(
    after_help = EXAMPLES,
    group = ArgGroup::new("key").required(true).args(["secret_file", "secret_env", "pem"])
)]
pub(super) struct Arguments {
    /// A file with the secret
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The variable of the environment that has the secret
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// A file with the private key, in PEM
    #[arg(long, value_name = "FILE", requires = "algorithm")]
    pem: Option<PathBuf>,
    /// HS256, HS384, HS512, RS256, ES256 or EdDSA [default: HS256 for a secret]
    #[arg(long, value_name = "NAME")]
    algorithm: Option<Algorithm>,
    /// The name of the key (`kid`)
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// How long the token is good
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    expires: Duration,
    /// The user (`sub`)
    #[arg(long)]
    user: Option<String>,
    /// The name of the token (`jti`), by which it can be revoked
    #[arg(long)]
    id: Option<String>,
    /// Whom it is for (`aud`, repeatable)
    #[arg(long, value_name = "NAME")]
    audience: Vec<String>,
    /// Who makes it (`iss`)
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,

    #[command(flatten)]
    access: AccessArguments,
}

#[derive(Args)]
#[command(next_help_heading = "What may be done with it")]
struct AccessArguments {
    /// Subscribe to this topic or pattern (repeatable)
    #[arg(long, value_name = "TOPIC")]
    subscribe: Vec<String>,
    /// Read private events of this topic or pattern, too (repeatable)
    #[arg(long = "grant", value_name = "TOPIC")]
    grants: Vec<String>,
    /// Publish to this topic or pattern (repeatable)
    #[arg(long, value_name = "TOPIC")]
    publish: Vec<String>,
    /// Publish privately to this topic or pattern (repeatable)
    #[arg(long, value_name = "TOPIC")]
    publish_private: Vec<String>,
    /// Publish to users, connections and everyone
    #[arg(long)]
    publish_direct: bool,
    /// See what the page of the server shows
    #[arg(long)]
    console: bool,
    /// Read statistics and metrics
    #[arg(long)]
    metrics: bool,
    /// List connections, close and revoke them
    #[arg(long)]
    admin: bool,
}

const EXAMPLES: &str = "\
Examples:
  head -c 32 /dev/urandom | base64 > secret.txt
  tidings serve --jwt-secret-file secret.txt
  export TIDINGS_TOKEN=$(tidings token --secret-file secret.txt --user ada --subscribe 'rooms/**')
  tidings subscribe --topic rooms/7";

pub(super) fn run(arguments: Arguments) -> ExitCode {
    match arguments.token() {
        Ok(token) => {
            print(token);
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}

impl Arguments {
    fn token(self) -> Result<String, String> {
        let key = self.key()?;
        let access = self.access.into_access();
        let rules = Rules::new(&HubOptions::default()).map_err(|error| error.to_string())?;
        access.check_names(&rules)?;
        let ends = SystemTime::now().checked_add(self.expires);
        let ends = ends.and_then(|ends| ends.duration_since(UNIX_EPOCH).ok());
        let token = NewToken {
            user: self.user,
            expires_s: Some(
                ends.ok_or("a token that ends so late has no end")?
                    .as_secs(),
            ),
            not_before_s: None,
            audience: self.audience,
            issuer: self.issuer,
            id: self.id,
            access,
        };
        key.sign(&token).map_err(|error| error.to_string())
    }

    fn key(&self) -> Result<SigningKey, String> {
        let algorithm = self.algorithm.unwrap_or(Algorithm::Hs256);
        let key = if let Some(name) = &self.secret_env {
            let secret = env::var(name).map_err(|error| format!("{name}: {error}"))?;
            SigningKey::from_secret(algorithm, &secret)
                .map_err(|problem| format!("{name}: {problem}"))
        } else if let Some(path) = &self.pem {
            SigningKey::from_pem_file(algorithm, path).map_err(|error| error.to_string())
        } else {
            let path = self.secret_file.as_deref().ok_or("there is no key")?;
            SigningKey::from_secret_file(algorithm, path).map_err(|error| error.to_string())
        }?;
        Ok(match &self.key_id {
            Some(id) => key.with_id(id),
            None => key,
        })
    }
}

impl AccessArguments {
    fn into_access(self) -> Access {
        Access {
            subscribe: self.subscribe,
            grants: self.grants,
            publish: self.publish,
            publish_private: self.publish_private,
            publish_direct: self.publish_direct,
            console: self.console,
            metrics: self.metrics,
            admin: self.admin,
        }
    }
}
