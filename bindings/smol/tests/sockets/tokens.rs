//! `tidings token`, and the commands and flags that tokens are used with.

use crate::support::guarded::{APP, SECRET};
use crate::support::{Client, File, Program, Server, error_code, run_to_end};
use rustix::process::Signal;
use std::process::Command;

/// Runs `tidings` with a token in its environment.
fn with_token(token: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    Program::run_with(command.args(arguments), &[("TIDINGS_TOKEN", token)])
}

/// What `tidings token` prints, which is the token and nothing else.
fn made(secret: &File, arguments: &[&str]) -> String {
    let arguments = [&["token", "--secret-file", secret.path()], arguments].concat();
    let (status, out, error) = run_to_end(&arguments, b"");
    assert_eq!((status.code(), &*error), (Some(0), ""));
    let token = out.strip_suffix('\n').expect("a line");
    assert_eq!(token.split('.').count(), 3, "{token}");
    token.to_owned()
}

#[test]
fn tokens_that_are_made_are_taken_by_the_commands() {
    let secret = File::new("commands.secret", &format!("{SECRET}\n"));
    let key = File::new("commands.key", &format!("{APP}\n"));
    let server = Server::start(&[
        "--jwt-secret-file",
        secret.path(),
        "--publish-key-file",
        key.path(),
    ]);
    let url = server.url();
    let token = made(
        &secret,
        &[
            "--user",
            "ada",
            "--subscribe",
            "rooms/*",
            "--publish",
            "rooms/7",
        ],
    );
    let reader = with_token(
        &token,
        &["subscribe", "--server", &url, "--topic", "rooms/7"],
    );
    let connected = reader.wait_for_stderr("connected");
    assert!(connected.contains("\"user\":\"ada\""), "{connected}");
    let publish = ["publish", "--server", &url, "--topic", "rooms/7"];
    for (who, data) in [(&*token, "from ada"), (APP, "from the application")] {
        let mut program = with_token(who, &[&publish[..], &[data]].concat());
        assert_eq!(program.wait().code(), Some(0), "{}", program.describe());
        reader.wait_for_stdout(data);
    }
    let other = [
        "publish", "--server", &url, "--topic", "rooms/8", "--token", &token, "no",
    ];
    let (status, _, error) = run_to_end(&other, b"");
    assert_eq!(status.code(), Some(1));
    assert!(
        error.contains("403") && error.contains("rooms/8"),
        "{error}"
    );
    let (status, _, error) = run_to_end(&[&publish[..], &["nobody"]].concat(), b"");
    assert_eq!(status.code(), Some(1));
    assert!(error.contains("401"), "{error}");
    for said in [reader.describe(), error, server.program.describe()] {
        assert!(!said.contains(&token) && !said.contains(APP), "{said}");
    }
}

#[test]
fn what_cannot_be_a_token_is_not_made() {
    let secret = File::new("bad.secret", SECRET);
    let short = File::new("short.secret", "short");
    for (arguments, word) in [
        (&["--subscribe", "a*"][..], "`*` stands alone"),
        (&["--algorithm", "RS256"], "needs a pair of keys"),
        (&["--algorithm", "HS512"], "at least 64 bytes"),
        (&["--algorithm", "none"], "the algorithms are"),
        (&["--expires", "soon"], "--expires"),
    ] {
        let arguments = [&["token", "--secret-file", secret.path()], arguments].concat();
        let (status, out, error) = run_to_end(&arguments, b"");
        assert_ne!(status.code(), Some(0), "{arguments:?}");
        assert_eq!(out, "");
        assert!(
            error.contains(word) && !error.contains(SECRET),
            "{word:?} in {error}"
        );
    }
    let (_, _, error) = run_to_end(&["token", "--secret-file", short.path()], b"");
    assert!(
        error.contains(short.path()) && error.contains("32 bytes"),
        "{error}"
    );
    let (status, _, _) = run_to_end(&["token", "--user", "ada"], b"");
    assert_eq!(status.code(), Some(2), "a key is needed");
}

#[test]
fn pairs_of_keys_and_sets_of_them_can_be_used() {
    let keys = |name: &str| format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    let set = Server::start(&["--jwks-file", &keys("keys.json")]);
    for (algorithm, name) in [("RS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")] {
        let (pem, public) = (
            keys(&format!("{name}.pem")),
            keys(&format!("{name}.public.pem")),
        );
        let made = [
            "token",
            "--pem",
            &pem,
            "--algorithm",
            algorithm,
            "--key-id",
            name,
            "--user",
            "ada",
        ];
        let (status, token, error) = run_to_end(&made, b"");
        assert_eq!((status.code(), &*error), (Some(0), ""));
        let one = Server::start(&["--jwt-key-file", &public, "--jwt-algorithm", algorithm]);
        for server in [&one, &set] {
            let query = [
                "subscribe",
                "--server",
                &server.url(),
                "--token",
                token.trim(),
            ];
            let reader = Program::start(&query);
            reader.wait_for_stderr("\"user\":\"ada\"");
        }
    }
}

#[test]
fn a_hang_up_has_keys_read_again() {
    let file = File::new("changing.key", APP);
    let server = Server::start(&["--publish-key-file", file.path()]);
    let publish = |key: &str| {
        let body = r#"{"topics":["a"],"data":"1"}"#;
        let headers = [
            "host: localhost".to_owned(),
            format!("authorization: Bearer {key}"),
            "content-type: application/json".to_owned(),
            format!("content-length: {}", body.len()),
        ];
        let headers = headers.each_ref().map(String::as_str);
        let mut client = Client::connect(server.address);
        client.request_with("POST /publish HTTP/1.1", &headers, body.as_bytes())
    };
    assert_eq!(publish(APP).status, 200);
    file.write(&APP.replace('0', "1"));
    server.program.signal(Signal::HUP);
    server
        .program
        .wait_for_stderr("the settings are read again");
    assert_eq!(error_code(&publish(APP)), "invalid_token");
    assert_eq!(publish(&APP.replace('0', "1")).status, 200);
    file.write("broken");
    server.program.signal(Signal::HUP);
    server
        .program
        .wait_for_stderr("the settings stay as they were");
    assert_eq!(publish(&APP.replace('0', "1")).status, 200);
}
