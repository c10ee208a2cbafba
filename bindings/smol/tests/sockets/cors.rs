//! What pages of other origins may do.

use crate::support::{Program, Response, Server, Stream, error_code};

const LISTED: &str = "https://app.example.com";
const OTHER: &str = "https://evil.example";

/// Sends a request that says where it comes from.
fn ask(server: &Server, line: &str, origin: &str, more: &[&str], body: &str) -> Response {
    let host = format!("host: {}", server.address);
    let origin = format!("origin: {origin}");
    let length = format!("content-length: {}", body.len());
    let mut headers = vec![&*host, &*origin];
    if !body.is_empty() {
        headers.extend(["content-type: application/json", &length]);
    }
    headers.extend(more);
    let line = format!("{line} HTTP/1.1");
    server
        .connect()
        .request_with(&line, &headers, body.as_bytes())
}

#[track_caller]
fn assert_allows(response: &Response, origin: Option<&str>) {
    let allowed = response.header("access-control-allow-origin");
    assert_eq!(allowed, origin, "{response:?}");
    let credentials = response.header("access-control-allow-credentials");
    assert_eq!(credentials, origin.map(|_| "true"), "{response:?}");
}

#[test]
fn a_listed_origin_may_read_answers_and_refusals() {
    let server = Server::start(&["--cors-origin", LISTED]);
    for (line, status) in [
        ("GET /health", 200),
        ("GET /stats", 200),
        ("GET /", 200),
        ("GET /nothing", 404),
        ("POST /health", 405),
        ("GET /events?what=1", 400),
    ] {
        let response = ask(&server, line, LISTED, &[], "");
        assert_eq!(response.status, status, "{line}");
        assert_allows(&response, Some(LISTED));
        assert_eq!(response.header("vary"), Some("origin"), "{line}");
        let exposed = response.header("access-control-expose-headers");
        assert_eq!(exposed, Some("retry-after, www-authenticate"));
    }
}

#[test]
fn other_origins_get_answers_that_they_cannot_read() {
    let server = Server::start(&["--cors-origin", LISTED]);
    for origin in [OTHER, "null", "https://app.example.com.evil.example", "*"] {
        for line in ["GET /health", "GET /nothing"] {
            let response = ask(&server, line, origin, &[], "");
            assert_allows(&response, None);
            // What a cache keeps for one origin is not for another.
            assert_eq!(response.header("vary"), Some("origin"), "{origin} {line}");
        }
    }
    let plain = server.get("/health");
    assert_allows(&plain, None);
    assert_eq!(plain.header("vary"), Some("origin"));
}

#[test]
fn without_a_list_no_page_of_another_origin_reads_anything() {
    let server = Server::start(&[]);
    let response = ask(&server, "GET /health", LISTED, &[], "");
    assert_allows(&response, None);
    assert_eq!(response.header("vary"), None);
}

#[test]
fn streams_can_be_read_by_pages_of_listed_origins() {
    let server = Server::start(&["--cors-origin", LISTED]);
    let stream = |origin: &str| {
        let mut client = server.connect();
        let mut request = client.bytes_of("GET", "/events?topic=a", "");
        request.truncate(request.len() - 2);
        client.send(format!("{request}origin: {origin}\r\n\r\n"));
        let mut stream = Stream::of(client);
        stream.connected();
        stream.head.to_ascii_lowercase()
    };
    let head = stream(LISTED);
    for line in [
        "access-control-allow-origin: https://app.example.com\r\n",
        "access-control-allow-credentials: true\r\n",
        "vary: origin\r\n",
    ] {
        assert_eq!(head.matches(line).count(), 1, "{line} in {head}");
    }
    let head = stream(OTHER);
    assert!(!head.contains("access-control"), "{head}");
    assert_eq!(head.matches("vary: origin\r\n").count(), 1, "{head}");
}

#[test]
fn browsers_ask_before_pages_of_listed_origins_do() {
    let server = Server::start(&["--cors-origin", LISTED]);
    for path in ["/publish", "/events?topic=a", "/", "/nothing", "/health"] {
        let line = format!("OPTIONS {path}");
        let asks = ["access-control-request-method: POST"];
        let response = ask(&server, &line, LISTED, &asks, "");
        assert_eq!(response.status, 204, "{path}");
        assert_allows(&response, Some(LISTED));
        for (name, value) in [
            ("access-control-allow-methods", "GET, HEAD, POST, DELETE"),
            (
                "access-control-allow-headers",
                "authorization, content-type, last-event-id",
            ),
            ("access-control-max-age", "600"),
        ] {
            assert_eq!(response.header(name), Some(value), "{path}");
        }
        let vary = response.header("vary").unwrap_or_default();
        assert!(vary.starts_with("origin"), "{vary}");
    }
}

#[test]
fn other_origins_are_told_that_options_is_no_method() {
    let server = Server::start(&["--cors-origin", LISTED]);
    let asks = ["access-control-request-method: POST"];
    for (origin, asks) in [(OTHER, &asks[..]), (LISTED, &[])] {
        let response = ask(&server, "OPTIONS /publish", origin, asks, "");
        assert_eq!(response.status, 405);
        assert_eq!(response.header("access-control-allow-methods"), None);
    }
}

#[test]
fn a_page_of_another_site_does_not_publish_to_this_machine() {
    let server = Server::start(&["--cors-origin", LISTED]);
    let body = r#"{"everyone":true,"data":"1"}"#;
    for origin in [OTHER, "null", "http://127.0.0.1:1", "https://localhost"] {
        let response = ask(&server, "POST /publish", origin, &[], body);
        assert_eq!(response.status, 403, "{origin}");
        assert_eq!(error_code(&response), "origin_mismatch");
        assert_allows(&response, None);
    }
    assert_eq!(server.stats()["published"], 0);
    let own = server.url();
    for origin in [LISTED, &own] {
        let response = ask(&server, "POST /publish", origin, &[], body);
        assert_eq!(response.status, 200, "{origin}: {response:?}");
    }
    assert_eq!(server.stats()["published"], 2);
}

#[test]
fn what_is_no_origin_is_named_before_anything_is_served() {
    for (origin, word) in [("*", "`*`"), ("null", "sandboxed"), ("a.example", "scheme")] {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--cors-origin", origin];
        let mut program = Program::start(&arguments);
        assert_eq!(program.wait().code(), Some(1), "{origin}");
        let said = program.stderr().join("\n");
        assert!(
            said.contains("cors.origins") && said.contains(word),
            "{said}"
        );
    }
}
