//! The benchmarks of authentication: what it costs to find out who has a token, for each algorithm.
//!
//! It does not know HTTP. Keys are read once, and nothing is remembered of a token.

use crate::race::{Racer, race};
use crate::report::{Arguments, Mark, Report};
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tidings_core::{HubOptions, Rules};
use tidings_smol::server::{
    Access, Algorithm, JwtOptions, KeyOptions, NewToken, Secret, SigningKey, Verifier,
};

/// What a check may take with a secret, in microseconds.
const MARK: Mark = Mark::AtMost(20.0);

const SECRET: &str = "a secret that has the sixty-four bytes which HS512 asks for, and more";

/// Any time at which the tokens are good.
const NOW_S: u64 = 1_700_000_000;

struct Checked {
    name: &'static str,
    verifier: Verifier,
    token: String,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let mut report = Report::new(arguments)?;
    let rounds = if arguments.quick { 3 } else { 51 };
    report.begin("auth", &format!("{rounds} rounds"));
    let checked: Vec<_> = Algorithm::ALL
        .into_iter()
        .map(Checked::new)
        .collect::<io::Result<_>>()?;
    let mut racers: Vec<_> = checked.iter().map(Checked::racer).collect();
    race(&mut racers, rounds);
    for (racer, checked) in racers.iter().zip(&checked) {
        let micros: Vec<f64> = racer.times_ns.iter().map(|ns| ns / 1_000.0).collect();
        let mark = if checked.name == Algorithm::Hs256.name() {
            MARK
        } else {
            Mark::None
        };
        report.figure(&format!("a token of {}", racer.name), "us", &micros, mark)?;
    }
    report.verdict(arguments.quick)
}

impl Checked {
    fn new(algorithm: Algorithm) -> io::Result<Self> {
        let pair = match algorithm {
            Algorithm::Rs256 => Some("rsa"),
            Algorithm::Es256 => Some("ec"),
            Algorithm::EdDsa => Some("ed"),
            _ => None,
        };
        let public = pair.map(|pair| key(&format!("{pair}.public.pem")));
        let signing = match pair {
            Some(pair) => SigningKey::from_pem_file(algorithm, &key(&format!("{pair}.pem"))),
            None => Ok(SigningKey::from_secret(algorithm, SECRET).map_err(io::Error::other)?),
        };
        let options = JwtOptions {
            audience: vec!["tidings".to_owned()],
            keys: vec![KeyOptions {
                id: Some("key".to_owned()),
                algorithm,
                secret: public.is_none().then(|| Secret::from(SECRET.to_owned())),
                secret_file: None,
                pem_file: public,
            }],
            ..JwtOptions::default()
        };
        let rules = Rules::new(&HubOptions::default()).map_err(io::Error::other)?;
        let signing = signing.map_err(io::Error::other)?.with_id("key");
        Ok(Self {
            name: algorithm.name(),
            verifier: Verifier::new(&options, rules).map_err(io::Error::other)?,
            token: signing.sign(&token()).map_err(io::Error::other)?,
        })
    }

    fn racer(&self) -> Racer<'_> {
        Racer::new(self.name, || {
            let start = Instant::now();
            let identity = self.verifier.verify(black_box(&self.token), NOW_S * 1_000);
            let time = start.elapsed();
            assert!(black_box(identity).is_ok(), "the token is good");
            time
        })
    }
}

/// As an application would make it: a user, some topics, some grants.
fn token() -> NewToken {
    let names = |names: [&str; 3]| names.map(str::to_owned).to_vec();
    NewToken {
        user: Some("user-4711".to_owned()),
        expires_s: Some(NOW_S + 3_600),
        not_before_s: Some(NOW_S),
        audience: vec!["tidings".to_owned()],
        issuer: Some("https://login.example.com".to_owned()),
        id: Some("5f3a9c1b20d84e5c".to_owned()),
        access: Access {
            subscribe: names(["news", "rooms/*", "orders/4711/**"]),
            grants: names(["orders/4711/paid", "orders/4711/sent", "rooms/7"]),
            publish: vec!["rooms/*".to_owned()],
            ..Access::default()
        },
    }
}

/// A key of the server's tests.
fn key(name: &str) -> PathBuf {
    let keys = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../bindings/smol/tests/keys"
    );
    Path::new(keys).join(name)
}
