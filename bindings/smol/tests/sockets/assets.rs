//! The page of the server and the package for pages, which are part of the program.

use crate::support::guarded::options;
use crate::support::{Client, Managed, Response, Server};

const FILES: [(&str, &str); 9] = [
    ("/", "text/html; charset=utf-8"),
    ("/console/console.css", "text/css; charset=utf-8"),
    ("/console/main.js", "text/javascript; charset=utf-8"),
    (
        "/console/vendor/uplot/uPlot.iife.min.js",
        "text/javascript; charset=utf-8",
    ),
    (
        "/console/vendor/uplot/uPlot.min.css",
        "text/css; charset=utf-8",
    ),
    ("/browser/index.js", "text/javascript; charset=utf-8"),
    ("/browser/share.js", "text/javascript; charset=utf-8"),
    ("/browser/status.js", "text/javascript; charset=utf-8"),
    ("/browser/worker.js", "text/javascript; charset=utf-8"),
];

fn get(server: &Server, path: &str, known: &str) -> Response {
    let mut client = Client::connect(server.address);
    let headers = ["host: localhost", &format!("if-none-match: {known}")];
    client.request_with(&format!("GET {path} HTTP/1.1"), &headers, b"")
}

#[test]
fn files_come_once_and_are_asked_for_again() {
    let server = Server::start(&[]);
    let mut tags = Vec::new();
    for (path, kind) in FILES {
        let response = server.get(path);
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.header("content-type"), Some(kind), "{path}");
        assert_eq!(response.header("cache-control"), Some("no-cache"));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert!(response.body.len() > 1_000, "{path} is not empty");
        let tag = response.header("etag").expect("a tag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        for known in [&tag, &format!("\"other\", W/{tag}"), "*"] {
            let again = get(&server, path, known);
            assert_eq!(again.status, 304, "{path} {known}");
            assert_eq!(again.header("etag"), Some(&*tag));
            assert!(again.body.is_empty());
        }
        let head = server.request("HEAD", path, "");
        let length = response.body.len().to_string();
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, Some(&*length))
        );
        assert_eq!(server.request("POST", path, "").status, 405);
        tags.push(tag);
    }
    for (path, _) in FILES {
        let others = tags
            .iter()
            .filter(|tag| get(&server, path, tag).status == 200);
        assert_eq!(others.count(), FILES.len() - 1, "each has a tag of its own");
    }
    assert_eq!(server.get("/browser/").status, 404);
}

#[test]
fn the_page_runs_nothing_from_elsewhere() {
    let server = Server::start(&[]);
    let page = server.get("/");
    let policy = page.header("content-security-policy").expect("a policy");
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(
            policy.split("; ").any(|found| found == rule),
            "{rule} in {policy}"
        );
    }
    assert_eq!(
        server
            .get("/browser/index.js")
            .header("content-security-policy"),
        None
    );
}

#[test]
fn files_are_for_everyone_also_with_a_token_that_is_wrong() {
    let mut auth = options();
    auth.anonymous = tidings_smol::server::Access::default();
    let server = Managed::start_with(|options| options.auth = Some(auth));
    for (path, _) in FILES {
        for token in ["", "x.y.z"] {
            assert_eq!(server.get(path, token).status, 200, "{path} {token}");
        }
    }
    let elsewhere = ["host: elsewhere.example"];
    let mut client = Client::connect(server.site.address);
    let refused = client.request_with("GET / HTTP/1.1", &elsewhere, b"");
    assert_eq!(refused.status, 421, "under the name of the server alone");
}
