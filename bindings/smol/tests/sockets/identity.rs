//! `GET /identity`: who asks, and what they may do.

use crate::support::guarded::Guarded;
use crate::support::guarded::{APP, bearer, names, options, reading, sign, token};
use crate::support::{Managed, Server, admin, token_of};
use serde_json::{Value, json};
use tidings_smol::server::{Access, NewToken};

#[test]
fn without_authentication_it_says_what_everyone_may() {
    let near = Server::start(&[]);
    let response = near.get("/identity");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let said = response.json();
    assert_eq!(said["user"], Value::Null);
    assert_eq!(said["authentication"], false);
    assert_eq!(said["access"]["admin"], true);
    assert_eq!(said["access"]["publish"], json!(["**"]));
    let far = Server::start_on("0.0.0.0:0", &["--allow-anonymous"]);
    let said = far.get("/identity").json();
    assert_eq!(said["access"]["subscribe"], json!(["**"]));
    assert_eq!(said["access"]["publish"], json!([]));
    assert_eq!(said["access"]["admin"], false);
}

#[test]
fn with_authentication_it_says_what_the_token_says_and_not_the_token() {
    let server = Guarded::start(options());
    let may = Access {
        grants: names(&["users/ada"]),
        console: true,
        ..reading(&["news", "rooms/*"])
    };
    let with_id = NewToken {
        id: Some("the-name-of-a-token".to_owned()),
        ..token_of("ada", may)
    };
    let (expires_s, secret) = (with_id.expires_s, sign(&with_id));
    for headers in [bearer(&secret), format!("cookie: session={secret}")] {
        let response = server.get("/identity", &[&headers]);
        assert_eq!(response.status, 200, "{response:?}");
        let text = response.text();
        assert!(!text.contains(&secret) && !text.contains("the-name-of-a-token"));
        let expected = json!({
            "user": "ada",
            "access": {
                "subscribe": ["news", "rooms/*"],
                "grants": ["users/ada"],
                "publish": [],
                "publish_private": [],
                "publish_direct": false,
                "console": true,
                "metrics": false,
                "admin": false,
            },
            "expires_ms": expires_s.map(|at| at * 1_000),
            "authentication": true,
        });
        assert_eq!(response.json(), expected);
    }
    let app = server.get("/identity", &[&bearer(APP)]);
    assert!(!app.text().contains(APP));
    let said = app.json();
    assert_eq!(
        (&said["user"], &said["expires_ms"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(said["access"]["publish"], json!(["**"]));
}

#[test]
fn without_a_token_it_says_what_anyone_may() {
    let server = Guarded::start(options());
    let said = server.get("/identity", &[]).json();
    assert_eq!(
        (&said["user"], &said["authentication"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(said["access"]["subscribe"], json!(["public/*"]));
    assert_eq!(said["access"]["console"], false);
}

#[test]
fn a_credential_that_is_wrong_or_was_revoked_is_401() {
    let server = Managed::start();
    let good = token("ada", reading(&["news"]));
    for wrong in ["x.y.z", &good[..good.len() - 2], APP.trim_end_matches('9')] {
        let response = server.get("/identity", wrong);
        assert_eq!(response.status, 401, "{wrong}");
        assert!(response.header("www-authenticate").is_some());
    }
    let revocable = sign(&token_of("ada", reading(&["news"])));
    assert_eq!(server.get("/identity", &revocable).json()["user"], "ada");
    let revoked = json!({ "token_id": "token of ada" });
    let response = server.post("/revocations", &admin(), &revoked);
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(server.get("/identity", &revocable).status, 401);
    assert_eq!(server.post("/identity", &good, &Value::Null).status, 405);
}
