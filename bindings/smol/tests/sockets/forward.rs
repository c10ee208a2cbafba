//! The application decides who asks, and what they may do.

use crate::support::{Application, Asked, Local, Response, error_code, reserved_port, response};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tidings_smol::server::{AuthOptions, CorsOptions, ForwardOptions, Server, ServerOptions};

/// What must not happen is waited for so long.
const A_WHILE: Duration = Duration::from_millis(300);

/// The application is not late in tests that are not about that.
fn options(application: &Application) -> ForwardOptions {
    ForwardOptions {
        url: application.url.clone(),
        timeout: Duration::from_secs(60),
        ..ForwardOptions::default()
    }
}

fn server(forward: ForwardOptions) -> Local {
    Local::start(with(forward))
}

fn with(forward: ForwardOptions) -> ServerOptions {
    ServerOptions {
        auth: Some(AuthOptions {
            forward: Some(forward),
            ..AuthOptions::default()
        }),
        cors: CorsOptions {
            origins: vec!["https://app.example.com".into()],
            ..CorsOptions::default()
        },
        ..ServerOptions::default()
    }
}

/// Who has the session `ann` is Ann, and so on.
fn by_session(asked: &Asked) -> String {
    let session = asked
        .one("cookie")
        .and_then(|cookie| cookie.strip_prefix("session="));
    match session {
        Some("mallory") => response(403, ""),
        Some(user) => response(200, &answer(user)),
        None => response(401, ""),
    }
}

fn answer(user: &str) -> String {
    format!(
        r#"{{"user":"{user}","access":{{"subscribe":["news","rooms/*"],"grants":["rooms/{user}"],
            "publish":["news"]}}}}"#
    )
}

const ANN: &[&str] = &["cookie: session=ann"];

const NEWS: &str = r#"{"topics":["news"],"data":"1"}"#;

#[track_caller]
fn assert_refused(response: &Response, status: u16, code: &str) {
    let found = (response.status, error_code(response));
    assert_eq!(found, (status, code.to_owned()), "{response:?}");
}

#[test]
fn a_session_of_the_application_opens_streams_of_its_user() {
    let application = Application::start();
    application.answer_all(by_session);
    let server = server(options(&application));
    let mut stream = server.stream("topic=news&topic=rooms/ann", ANN);
    let connected = stream.connected();
    assert_eq!(connected["user"], "ann");
    let refused = server.request("GET /events?topic=news&topic=secret", ANN, "");
    assert_refused(&refused, 403, "forbidden");
    assert!(refused.message().contains("\"secret\""), "{refused:?}");
    // Another's session is another's.
    let mut other = server.stream("topic=news", &["cookie: session=bob"]);
    assert_eq!(other.connected()["user"], "bob");
}

#[test]
fn the_application_is_shown_what_it_needs_and_no_more() {
    let application = Application::start();
    let server = server(ForwardOptions {
        headers: vec!["cookie".into(), "X-Tenant".into()],
        ..options(&application)
    });
    let headers = [
        "cookie: session=ann",
        "x-tenant: one",
        "x-tenant: two",
        "authorization: Basic YTpi",
        "x-secret: 1",
        "x-forwarded-user: root",
        "x-forwarded-for: 6.6.6.6",
        "x-forwarded-uri: /admin",
    ];
    let line = "GET /events?tab=0123456789abcdef&topic=news&token=hidden&topic=a%2Fb";
    let mut client = server.ask(line, &headers, "");
    let asked = application.asked();
    asked.say(&response(401, ""));
    assert!(
        asked.head.starts_with("GET /whoami HTTP/1.1\r\n"),
        "{}",
        asked.head
    );
    assert_eq!(asked.one("x-forwarded-method"), Some("GET"));
    assert_eq!(
        asked.one("x-forwarded-uri"),
        Some("/events?topic=news&topic=a%2Fb")
    );
    assert_eq!(asked.one("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(asked.one("x-forwarded-proto"), Some("http"));
    assert_eq!(
        asked.one("x-forwarded-host"),
        Some(&*server.address.to_string())
    );
    assert_eq!(asked.one("cookie"), Some("session=ann"));
    assert_eq!(asked.all("x-tenant"), ["one", "two"]);
    for hidden in ["authorization", "x-secret", "x-forwarded-user"] {
        assert_eq!(asked.one(hidden), None, "{hidden}");
    }
    for hidden in ["hidden", "0123456789abcdef", "6.6.6.6", "/admin"] {
        assert!(!asked.head.contains(hidden), "{hidden} in {}", asked.head);
    }
    assert_eq!(client.response().status, 401);
}

#[test]
fn what_the_application_refuses_is_refused_and_asked_again() {
    let application = Application::start();
    let server = server(options(&application));
    for _ in 0..2 {
        let mut client = server.ask("GET /events?topic=news", ANN, "");
        application.asked().say(&response(401, "who?"));
        let refused = client.response();
        assert_refused(&refused, 401, "unauthenticated");
        assert!(refused.header("www-authenticate").is_some(), "{refused:?}");
        let mut client = server.ask("GET /events?topic=news", ANN, "");
        application.asked().say(&response(403, "no"));
        assert_refused(&client.response(), 403, "forbidden");
    }
    let bearer = ["authorization: Bearer of-the-application"];
    let mut client = server.ask("GET /events", &bearer, "");
    let asked = application.asked();
    assert_eq!(
        asked.one("authorization"),
        Some("Bearer of-the-application")
    );
    asked.say(&response(401, ""));
    let refused = client.response();
    assert_refused(&refused, 401, "invalid_token");
    let challenge = refused.header("www-authenticate").unwrap_or_default();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    assert!(!format!("{refused:?}").contains("of-the-application"));
}

#[test]
fn whatever_is_no_answer_lets_nobody_in() {
    let application = Application::start();
    let server = server(options(&application));
    let fine = answer("ann");
    let answers = [
        response(500, &fine),
        response(204, ""),
        response(201, &fine),
        response(302, &fine).replace("\r\n\r\n", "\r\nlocation: /\r\n\r\n"),
        response(404, &fine),
        response(429, ""),
        response(200, ""),
        response(200, "true"),
        response(200, "<html>please log in</html>"),
        response(200, r#"{"user":"ann"}"#),
        response(200, r#"{"access":{"subscribe":["**"]}}"#),
        response(200, r#"{"user":"","access":{"subscribe":["**"]}}"#),
        response(
            200,
            r#"{"user":"ann","access":{"subscribe":["**"]},"admin":true}"#,
        ),
        response(200, r#"{"user":"ann","access":{"subscribe":["a**"]}}"#),
        response(200, r#"{"user":"ann","access":{"subscribe":["**"]}} {}"#),
        response(200, &fine).replace("200", "2000"),
        response(200, &fine).replace("HTTP/1.1", "HTTP/3.3"),
        response(200, &" ".repeat(300 << 10)),
        "hello".into(),
        "".into(),
    ];
    for answer in answers {
        let mut client = server.ask("GET /events?topic=news", ANN, "");
        application.asked().say(&answer);
        let refused = client.response();
        let case = answer.get(..80).unwrap_or(&answer);
        assert_eq!(refused.status, 503, "{case}");
        assert_eq!(error_code(&refused), "auth_unavailable", "{case}");
        let retry = refused
            .header("retry-after")
            .and_then(|text| text.parse().ok());
        assert!(retry.is_some_and(|seconds: u32| seconds > 0), "{refused:?}");
    }
    // As soon as it answers, all is well.
    let client = server.ask("GET /events?topic=news", ANN, "");
    application.asked().json(&fine);
    assert_eq!(
        crate::support::Stream::of(client).connected()["user"],
        "ann"
    );
}

#[test]
fn an_application_that_is_late_or_gone_lets_nobody_in() {
    let application = Application::start();
    let late = server(ForwardOptions {
        timeout: Duration::from_millis(200),
        ..options(&application)
    });
    let mut client = late.ask("GET /events?topic=news", ANN, "");
    let asked = application.asked();
    assert_refused(&client.response(), 503, "auth_unavailable");
    // What it says afterwards is for nobody.
    asked.json(&answer("ann"));
    let mut client = late.ask("GET /events?topic=news", ANN, "");
    application.asked().say(&response(401, ""));
    assert_eq!(client.response().status, 401);
    let gone = server(ForwardOptions {
        url: format!("http://127.0.0.1:{}/", reserved_port()),
        ..options(&application)
    });
    let refused = gone.request("GET /events?topic=news", ANN, "");
    assert_refused(&refused, 503, "auth_unavailable");
    // Those who look after the server are nobody of the application's.
    assert_eq!(gone.request("GET /health", &[], "").status, 200);
}

#[test]
fn requests_that_show_the_same_share_one_call() {
    let application = Application::start();
    let server = server(options(&application));
    let line = |tab: usize| format!("GET /events?topic=news&tab={tab:016}");
    let first = server.ask(&line(0), ANN, "");
    let asked = application.asked();
    let others = (1..10).map(|tab| server.ask(&line(tab), ANN, ""));
    let clients: Vec<_> = std::iter::once(first).chain(others).collect();
    assert!(application.is_left_alone_for(A_WHILE));
    asked.json(&answer("ann"));
    for client in clients {
        let mut stream = crate::support::Stream::of(client);
        assert_eq!(stream.connected()["user"], "ann");
    }
    // And who comes later has the answer already; who shows something else has not.
    server.stream("topic=news", ANN).connected();
    assert!(application.is_left_alone_for(A_WHILE));
    let mut other = server.ask("GET /events?topic=news", &["cookie: session=bob"], "");
    application.asked().say(&response(401, ""));
    assert_eq!(other.response().status, 401);
}

#[test]
fn only_so_many_calls_are_made_and_only_so_many_wait() {
    let application = Application::start();
    let server = server(ForwardOptions {
        concurrent: 2,
        waiting: 3,
        ..options(&application)
    });
    let ask = |number: usize| {
        let cookie = format!("cookie: session=user{number}");
        server.ask("GET /events?topic=news", &[&cookie], "")
    };
    let mut clients: Vec<_> = (0..5).map(ask).collect();
    let mut asked = vec![application.asked(), application.asked()];
    assert!(application.is_left_alone_for(A_WHILE));
    assert_refused(&ask(5).response(), 503, "auth_unavailable");
    // Each answer lets the next one ask.
    for _ in 2..5 {
        asked.remove(0).say(&response(401, ""));
        asked.push(application.asked());
    }
    for one in asked {
        one.say(&response(401, ""));
    }
    for client in &mut clients {
        assert_eq!(client.response().status, 401);
    }
}

#[test]
fn who_waits_too_long_for_a_call_is_told_to_come_back() {
    let application = Application::start();
    let server = server(ForwardOptions {
        concurrent: 1,
        timeout: Duration::from_millis(300),
        ..options(&application)
    });
    let cookies = ["cookie: session=ann", "cookie: session=bob"];
    let mut clients = cookies.map(|cookie| server.ask("GET /events", &[cookie], ""));
    let _held = application.asked();
    for client in &mut clients {
        assert_refused(&client.response(), 503, "auth_unavailable");
    }
}

/// An application that counts how often it is asked.
fn counting(answer: &'static str) -> (Application, Arc<AtomicUsize>) {
    let (application, count) = (Application::start(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    application.answer_all(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        response(200, answer)
    });
    (application, count)
}

#[test]
fn without_a_cache_each_request_is_asked_about() {
    let (application, count) = counting(r#"{"user":null,"access":{"subscribe":["**"]}}"#);
    let server = server(ForwardOptions {
        cache: Duration::ZERO,
        ..options(&application)
    });
    for asked in 1..4 {
        server.stream("topic=news", ANN).connected();
        assert_eq!(count.load(Ordering::SeqCst), asked);
    }
}

#[test]
fn an_answer_that_has_ended_lets_nobody_in() {
    let ended = r#"{"user":"ann","expires_ms":1000,"access":{"subscribe":["**"]}}"#;
    let (application, count) = counting(ended);
    let server = server(options(&application));
    for asked in 1..3 {
        let refused = server.request("GET /events?topic=news", ANN, "");
        assert_refused(&refused, 401, "unauthenticated");
        assert_eq!(count.load(Ordering::SeqCst), asked);
    }
}

#[test]
fn a_stream_ends_when_the_answer_does() {
    let application = Application::start();
    let server = server(options(&application));
    let client = server.ask("GET /events?topic=news", ANN, "");
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("it is later");
    let ends = now.as_millis() + 1_500;
    application.asked().json(&format!(
        r#"{{"user":"ann","expires_ms":{ends},"access":{{"subscribe":["**"]}}}}"#
    ));
    let mut stream = crate::support::Stream::of(client);
    stream.connected();
    let rest = stream.rest();
    let last = rest.last().expect("it says why it ends");
    assert_eq!(
        (&*last.event, &last.json()["reason"]),
        ("bye", &"expired".into())
    );
    let mut client = server.ask("GET /events?topic=news", ANN, "");
    application.asked().say(&response(401, ""));
    assert_eq!(client.response().status, 401, "it was asked anew");
}

#[test]
fn with_a_cookie_only_pages_that_may_change_something() {
    let application = Application::start();
    application.answer_all(by_session);
    let server = server(options(&application));
    let own = format!("origin: http://{}", server.address);
    for origin in [
        "origin: https://evil.example",
        "origin: null",
        "origin: http://127.0.0.1:1",
        "x-nothing: said",
    ] {
        let refused = server.request("POST /publish", &[ANN[0], origin], NEWS);
        assert_refused(&refused, 403, "origin_mismatch");
    }
    for origin in [&*own, "origin: https://app.example.com"] {
        let published = server.request("POST /publish", &[ANN[0], origin], NEWS);
        assert_eq!(published.status, 200, "{published:?}");
    }
    // It may still do only what its user may.
    let other = r#"{"topics":["rooms/1"],"data":"1"}"#;
    let refused = server.request("POST /publish", &[ANN[0], &own], other);
    assert_refused(&refused, 403, "forbidden");
    // Streams are read by GET, which changes nothing.
    let evil = [ANN[0], "origin: https://evil.example"];
    server.stream("topic=news", &evil).connected();
}

#[test]
fn with_a_token_in_a_header_no_page_has_to_say_where_it_is_from() {
    let application = Application::start();
    application.answer_all(|_| response(200, &answer("ann")));
    let server = server(options(&application));
    let bearer = "authorization: Bearer of-the-application";
    for headers in [&[bearer][..], &[bearer, "origin: https://evil.example"]] {
        let published = server.request("POST /publish", headers, NEWS);
        assert_eq!(published.status, 200, "{published:?}");
    }
    // A password that the browser remembers is no such token.
    let basic = ["authorization: Basic YTpi"];
    let refused = server.request("POST /publish", &basic, NEWS);
    assert_refused(&refused, 403, "origin_mismatch");
}

#[test]
fn options_that_cannot_be_as_they_are_are_named() {
    let fine = || ForwardOptions {
        url: "http://127.0.0.1:1/".into(),
        ..ForwardOptions::default()
    };
    for (forward, word) in [
        (ForwardOptions::default(), "forward.url"),
        (
            ForwardOptions {
                url: "ftp://a".into(),
                ..fine()
            },
            "forward.url",
        ),
        (
            ForwardOptions {
                ca_file: Some("/no".into()),
                ..fine()
            },
            "forward.url",
        ),
        (
            ForwardOptions {
                timeout: Duration::ZERO,
                ..fine()
            },
            "forward.timeout",
        ),
        (
            ForwardOptions {
                cache: Duration::from_secs(61),
                ..fine()
            },
            "forward.cache",
        ),
        (
            ForwardOptions {
                concurrent: 0,
                ..fine()
            },
            "forward.concurrent",
        ),
        (
            ForwardOptions {
                headers: vec!["a b".into()],
                ..fine()
            },
            "forward.headers",
        ),
        (
            ForwardOptions {
                headers: vec!["Host".into()],
                ..fine()
            },
            "forward.headers",
        ),
    ] {
        let error = Server::bind(with(forward)).expect_err(word).to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
}
