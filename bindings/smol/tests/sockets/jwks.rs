//! Keys of tokens that are fetched, change, and are out of reach for a while.

use crate::support::{Application, Asked, Local, Stream, error_code, eventually, response};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tidings_smol::server::{
    Access, Algorithm, AuthOptions, JwtOptions, NewToken, ServerOptions, SigningKey,
};

/// What must not happen is waited for so long.
const A_WHILE: Duration = Duration::from_millis(300);

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");

/// A server that fetches keys from here, as often.
fn server(application: &Application, refresh: Duration) -> Local {
    Local::start(ServerOptions {
        auth: Some(AuthOptions {
            jwt: Some(JwtOptions {
                jwks_url: Some(application.url.clone()),
                jwks_refresh: refresh,
                ..JwtOptions::default()
            }),
            ..AuthOptions::default()
        }),
        ..ServerOptions::default()
    })
}

const RARELY: Duration = Duration::from_secs(600);
const OFTEN: Duration = Duration::from_secs(1);

/// A set of public keys, of those of the tests, by these names.
fn set(ids: &[&str]) -> String {
    let text = std::fs::read_to_string(Path::new(KEYS).join("keys.json")).expect("it is there");
    let all: Value = serde_json::from_str(&text).expect("it is JSON");
    let of_kind = |kind: &str| {
        let keys = all["keys"].as_array().expect("a list of keys");
        let key = keys.iter().find(|key| key["kty"] == kind);
        key.expect("there is one").clone()
    };
    let keys = ids.iter().map(|id| {
        let mut key = of_kind(if *id == "old" { "EC" } else { "OKP" });
        key["kid"] = json!(id);
        key
    });
    let keys: Vec<_> = keys.collect();
    json!({ "keys": keys }).to_string()
}

/// The header with a token that is signed with the key of this name.
fn token(id: &str) -> String {
    let (algorithm, file) = match id {
        "old" => (Algorithm::Es256, "ec.pem"),
        _ => (Algorithm::EdDsa, "ed.pem"),
    };
    let key = SigningKey::from_pem_file(algorithm, &Path::new(KEYS).join(file));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is later");
    let token = NewToken {
        user: Some("ann".into()),
        expires_s: Some(now.as_secs() + 600),
        access: Access::reading(),
        ..NewToken::default()
    };
    let token = key.expect("a key").with_id(id).sign(&token);
    format!("authorization: Bearer {}", token.expect("it is signed"))
}

/// The code that the token of this key is refused with; none where it is good.
fn refused(server: &Local, id: &str) -> Option<(u16, String)> {
    let answer = server.request("GET /metrics", &[&token(id)], "");
    (answer.status != 200).then(|| (answer.status, error_code(&answer)))
}

fn wait_until_known(server: &Local) {
    eventually("the keys are known", || match refused(server, "old") {
        None => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

const UNKNOWN: Option<(u16, &str)> = Some((401, "invalid_token"));
const NOT_NOW: Option<(u16, &str)> = Some((503, "auth_unavailable"));

#[track_caller]
fn assert_refused(server: &Local, id: &str, expected: Option<(u16, &str)>) {
    let found = refused(server, id);
    let found = found.as_ref().map(|(status, code)| (*status, &**code));
    assert_eq!(found, expected, "{id}");
}

#[test]
fn until_keys_can_be_fetched_nobody_is_told_that_a_token_is_wrong() {
    let application = Application::start();
    let server = server(&application, RARELY);
    application.asked().say(&response(500, &set(&["old"])));
    eventually("the failure is known", || match refused(&server, "old") {
        Some((503, code)) if code == "auth_unavailable" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    // It is tried again soon.
    application.asked().json("nonsense");
    application.asked().json(&set(&["old"]));
    wait_until_known(&server);
}

#[test]
fn keys_are_good_while_they_are_listed() {
    let application = Application::start();
    let server = server(&application, RARELY);
    application.asked().json(&set(&["old"]));
    wait_until_known(&server);
    // A token of a key that has come since has them fetched, once for all that wait.
    let ask = || server.ask("GET /events?topic=a", &[&token("new")], "");
    let waiting: Vec<_> = (0..5).map(|_| ask()).collect();
    application.asked().json(&set(&["old", "new"]));
    for client in waiting {
        assert_eq!(Stream::of(client).connected()["user"], "ann");
    }
    assert_refused(&server, "old", None);
    // For one that is nowhere they are not fetched again so soon.
    assert_refused(&server, "other", UNKNOWN);
    assert!(application.is_left_alone_for(A_WHILE));
}

#[test]
fn what_is_no_longer_listed_is_no_longer_good() {
    let application = Application::start();
    let server = server(&application, OFTEN);
    application.asked().json(&set(&["old", "new"]));
    wait_until_known(&server);
    // A fetch that fails takes nothing away.
    let failing: [fn(&Asked); 3] = [
        |asked| asked.say(&response(503, "")),
        |asked| asked.json(r#"{"keys":[]}"#),
        |asked| asked.say("nonsense"),
    ];
    for fail in failing {
        fail(&application.asked());
        assert_refused(&server, "old", None);
        assert_refused(&server, "new", None);
    }
    application.asked().json(&set(&["new"]));
    application.answer_all(|_| response(200, &set(&["new"])));
    eventually("the old key is gone", || match refused(&server, "old") {
        Some((401, code)) if code == "invalid_token" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_refused(&server, "new", None);
}

#[test]
fn while_keys_cannot_be_fetched_one_that_is_unknown_may_be_good() {
    let application = Application::start();
    let server = server(&application, RARELY);
    application.asked().json(&set(&["old"]));
    wait_until_known(&server);
    let mut client = server.ask("GET /metrics", &[&token("new")], "");
    application.asked().say(&response(500, ""));
    let answer = client.response();
    assert_eq!(
        (answer.status, error_code(&answer)),
        (503, "auth_unavailable".into())
    );
    assert_refused(&server, "new", NOT_NOW);
    assert_refused(&server, "old", None);
}
