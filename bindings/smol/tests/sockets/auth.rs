//! Who may do what on a server with authentication, and how those are told who may not.

use crate::support::guarded::{APP, Guarded, bearer, names, now_s, options, reading, sign, token};
use crate::support::{Response, error_code};
use serde_json::json;
use tidings_smol::server::{Access, AuthOptions, JwtOptions, NewToken, Server, ServerOptions};

#[track_caller]
fn assert_refused(response: &Response, status: u16, code: &str, challenge: Option<&str>) {
    assert_eq!(response.status, status, "{response:?}");
    assert_eq!(error_code(response), code, "{response:?}");
    let found = response.header("www-authenticate");
    match (found, challenge) {
        (None, None) => {}
        (Some(found), Some("")) => assert_eq!(found, "Bearer realm=\"tidings\""),
        (Some(found), Some(error)) => {
            let begins =
                format!("Bearer realm=\"tidings\", error=\"{error}\", error_description=\"");
            assert!(
                found.starts_with(&begins) && found.ends_with('"'),
                "{found}"
            );
            assert_eq!(found.matches('"').count(), 6, "{found}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_may_come_in_header_cookie_or_query_and_says_who_reads() {
    let server = Guarded::start(options());
    let token = token("ada", reading(&["rooms/*"]));
    let of_header = bearer(&token);
    let lower = format!("Authorization: bearer   {token}  ");
    let cookies = [
        format!("cookie: session={token}"),
        format!("cookie: a=b; session={token};c=d"),
        format!("cookie: session=\"{token}\""),
        format!("cookie: name=J\u{fc}rgen; session={token}"),
    ];
    let headers = [&*of_header, &*lower]
        .into_iter()
        .chain(cookies.iter().map(|cookie| &**cookie));
    for header in headers {
        let connected = server.stream("topic=rooms/7", &[header]).connected();
        assert_eq!(connected["user"], "ada", "{header}");
    }
    for query in [
        format!("token={token}&topic=rooms/7"),
        format!("topic=rooms/7&token={token}"),
    ] {
        let connected = server.stream(&query, &[]).connected();
        assert_eq!(
            (&connected["user"], &connected["topics"]),
            (&json!("ada"), &json!(["rooms/7"]))
        );
    }
}

#[test]
fn the_header_counts_before_the_cookie_and_that_before_the_query() {
    let server = Guarded::start(options());
    let of = |user| token(user, Access::default());
    let (header, cookie, query) = (bearer(&of("header")), of("cookie"), of("query"));
    let (cookie, query) = (
        format!("cookie: session={cookie}"),
        format!("token={query}"),
    );
    let user = |headers: &[&str]| server.stream(&query, headers).connected()["user"].clone();
    assert_eq!(user(&[&cookie, &header]), "header");
    assert_eq!(user(&[&cookie]), "cookie");
    assert_eq!(user(&[]), "query");
    // What counts is not passed over because it is not good.
    let refused = server.get(&format!("/events?{query}"), &[&cookie, &bearer("a.b.c")]);
    assert_refused(&refused, 401, "invalid_token", Some("invalid_token"));
    // Other schemes are for others, and cookies that were cleared are none.
    assert_eq!(user(&["authorization: Basic YTpi", &cookie]), "cookie");
    assert_eq!(user(&["cookie: session="]), "query");
}

#[test]
fn what_is_not_clear_is_refused() {
    let server = Guarded::start(options());
    let (one, two) = (
        token("ada", Access::default()),
        token("eve", Access::default()),
    );
    let long = bearer(&"a".repeat(8_193));
    let cookies = format!("cookie: session={one}; session={two}");
    for headers in [
        &["authorization: Bearer"][..],
        &["authorization: Bearer "],
        &["authorization: Bearer a b"],
        &["authorization: Bearer a,b"],
        &["authorization: Bearer =a"],
        &["cookie: session=a%20b"],
        &["cookie: session=a\u{fc}b"],
        &[&long],
        &[&bearer(&one), &bearer(&two)],
        &[&cookies],
        &[
            &format!("cookie: session={one}"),
            &format!("cookie: session={two}"),
        ],
    ] {
        let refused = server.get("/events", headers);
        assert_refused(&refused, 400, "invalid_request", Some("invalid_request"));
    }
    let refused = server.get(&format!("/events?token={one}&token={two}"), &[]);
    assert_refused(&refused, 400, "invalid_request", Some("invalid_request"));
    // The same one twice is clear.
    let connected = server
        .stream(&format!("token={one}&token={one}"), &[])
        .connected();
    assert_eq!(connected["user"], "ada");
}

#[test]
fn places_that_nobody_allowed_carry_no_token() {
    let server = Guarded::start(AuthOptions {
        cookie: None,
        query: None,
        ..options()
    });
    let token = token("ada", reading(&["a"]));
    let refused = server.get("/events?topic=a", &[&format!("cookie: session={token}")]);
    assert_refused(&refused, 401, "unauthenticated", Some(""));
    let refused = server.get(&format!("/events?token={token}"), &[]);
    assert_refused(&refused, 400, "unknown_parameter", None);
    assert!(!refused.text().contains(&token));
}

#[test]
fn those_without_a_token_may_do_what_is_for_anyone_and_are_asked_for_one() {
    let server = Guarded::start(options());
    let connected = server.stream("topic=public/news", &[]).connected();
    assert!(connected["user"].is_null(), "{connected}");
    for target in [
        "/events?topic=a",
        "/events?topic=public/news&topic=a",
        "/metrics",
        "/stats",
    ] {
        let refused = server.get(target, &[]);
        assert_refused(&refused, 401, "unauthenticated", Some(""));
    }
    let refused = server.publish(&[], r#"{"topics":["public/news"],"data":"1"}"#);
    assert_refused(&refused, 401, "unauthenticated", Some(""));
    assert_eq!(server.get("/health", &[]).status, 200, "health is for all");
}

#[test]
fn those_with_a_token_are_told_what_they_may_not() {
    let server = Guarded::start(options());
    let header = bearer(&token("ada", reading(&["rooms/*"])));
    let refused = server.get("/events?topic=rooms/7&topic=or%22ders%5C%C3%BC", &[&header]);
    assert_refused(&refused, 403, "forbidden", Some("insufficient_scope"));
    assert!(refused.message().contains("or\\\"ders\\\\ü"), "{refused:?}");
    for topic in ["rooms/**", "**", "*", "rooms/7/x"] {
        let refused = server.get(&format!("/events?topic={topic}"), &[&header]);
        assert_refused(&refused, 403, "forbidden", Some("insufficient_scope"));
        assert!(refused.message().contains(topic), "{refused:?}");
    }
    for target in ["/metrics", "/stats"] {
        let refused = server.get(target, &[&header]);
        assert_refused(&refused, 403, "forbidden", Some("insufficient_scope"));
    }
    // What is for anyone is not for those who say who they are, unless their token says so, too.
    assert_eq!(
        server.get("/events?topic=public/news", &[&header]).status,
        403
    );
    let connected = server.stream("", &[&header]).connected();
    assert_eq!(
        connected["topics"],
        json!([]),
        "without topics a stream is valid"
    );
}

#[test]
fn parts_of_the_server_need_their_permission() {
    let server = Guarded::start(options());
    let may = |access| bearer(&token("ada", access));
    let admin = may(Access {
        admin: true,
        ..Access::default()
    });
    let metrics = may(Access {
        metrics: true,
        ..Access::default()
    });
    assert_eq!(server.get("/topics", &[&admin]).status, 200);
    assert_eq!(server.get("/stats", &[&admin]).status, 403);
    assert_eq!(server.get("/stats", &[&metrics]).status, 200);
    assert_eq!(server.get("/topics", &[&metrics]).status, 403);
}

#[test]
fn the_user_is_whom_the_token_says() {
    let server = Guarded::start(options());
    let header = bearer(&token("ada", reading(&["a"])));
    for headers in [&[][..], &[&*header]] {
        let refused = server.get("/events?user=eve", headers);
        assert_refused(&refused, 400, "unexpected_user", None);
    }
}

#[test]
fn a_token_that_is_not_good_is_named_by_what_is_wrong_and_not_shown() {
    let server = Guarded::start(options());
    let good = token("ada", reading(&["a"]));
    let claims = |expires_s, not_before_s, audience: &[&str]| {
        sign(&NewToken {
            expires_s,
            not_before_s,
            audience: names(audience),
            ..NewToken::default()
        })
    };
    let soon = Some(now_s() + 60);
    let (head, signature) = good.rsplit_once('.').expect("it has parts");
    let reversed: String = signature.chars().rev().collect();
    for (token, word) in [
        (claims(Some(now_s() - 31), None, &[]), "expired"),
        (claims(None, None, &[]), "exp"),
        (claims(soon, Some(now_s() + 50), &[]), "not valid yet"),
        (claims(soon, None, &["elsewhere"]), "audience"),
        (format!("{head}.{reversed}"), "signature"),
        (format!("{head}."), "signature"),
        ("not-a-token".to_owned(), "malformed"),
        (APP.replace('0', "1"), "malformed"),
    ] {
        for headers in [bearer(&token), format!("cookie: session={token}")] {
            let refused = server.get("/events?topic=a", &[&headers]);
            assert_refused(&refused, 401, "invalid_token", Some("invalid_token"));
            assert!(refused.message().contains(word), "{refused:?}");
            let all = format!("{} {}", refused.head, refused.text());
            assert!(!all.contains(&token) && !all.contains(signature), "{all}");
        }
    }
}

#[test]
fn a_token_that_just_ended_is_good_for_the_leeway_and_no_longer() {
    let server = Guarded::start(AuthOptions {
        jwt: options().jwt.map(|jwt| JwtOptions {
            leeway: std::time::Duration::from_secs(3),
            ..jwt
        }),
        ..options()
    });
    let token = sign(&NewToken {
        expires_s: Some(now_s()),
        access: reading(&["a"]),
        ..NewToken::default()
    });
    let mut stream = server.stream("topic=a", &[&bearer(&token)]);
    stream.connected();
    let events = stream.rest();
    let last = events.last().expect("it is told why it ends");
    assert_eq!(
        (&*last.event, &last.json()["reason"]),
        ("bye", &json!("expired"))
    );
}

#[test]
fn application_servers_publish_with_their_key() {
    let server = Guarded::start(options());
    let all = Access {
        grants: names(&["a"]),
        ..reading(&["a"])
    };
    let mut stream = server.stream("topic=a", &[&bearer(&token("ada", all))]);
    let id = stream.connected()["connection"].clone();
    for body in [
        json!({ "topics": ["a"], "data": "1" }),
        json!({ "topics": ["a"], "data": "2", "private": true }),
        json!({ "user": "ada", "data": "3" }),
        json!({ "everyone": true, "data": "4" }),
        json!({ "connection": id, "data": "5" }),
    ] {
        let published = server.publish(&[&bearer(APP)], &body.to_string());
        assert_eq!(
            (published.status, &published.json()["recipients"]),
            (200, &json!(1))
        );
    }
    assert_eq!(stream.messages(5), ["1", "2", "3", "4", "5"]);
    let refused = server.get("/events?topic=a", &[&bearer(APP)]);
    assert_refused(&refused, 403, "forbidden", Some("insufficient_scope"));
    // It is for servers, which have headers.
    let cookie = format!("cookie: session={APP}");
    let refused = server.publish(&[&cookie], r#"{"topics":["a"],"data":"6"}"#);
    assert_refused(&refused, 401, "invalid_token", Some("invalid_token"));
    for other in [
        &APP[1..],
        &APP[..APP.len() - 1],
        &format!("{APP}0"),
        &APP.to_uppercase(),
    ] {
        let refused = server.publish(&[&bearer(other)], r#"{"topics":["a"],"data":"6"}"#);
        assert_refused(&refused, 401, "invalid_token", Some("invalid_token"));
    }
}

#[test]
fn users_publish_where_their_token_lets_them() {
    let server = Guarded::start(options());
    let access = Access {
        subscribe: names(&["**"]),
        grants: names(&["**"]),
        publish: names(&["rooms/*"]),
        publish_private: names(&["orders/*"]),
        ..Access::default()
    };
    let ada = bearer(&token("ada", access));
    let mut stream = server.stream("topic=**", &[&ada]);
    let id = stream.connected()["connection"].clone();
    let mut other = server.stream("topic=**", &[&bearer(&token("bob", reading(&["**"])))]);
    let victim = other.connected()["connection"].clone();
    let publish = |body: serde_json::Value| server.publish(&[&ada], &body.to_string());
    for body in [
        json!({ "topics": ["rooms/7"], "data": "1" }),
        json!({ "topics": ["rooms/7"], "user": "bob", "data": "2" }),
        json!({ "topics": ["orders/7"], "data": "private", "private": true }),
        json!({ "topics": ["rooms/7"], "data": "3", "except": id }),
    ] {
        assert_eq!(publish(body).status, 200);
    }
    for body in [
        json!({ "topics": ["orders/7"], "data": "x" }),
        json!({ "topics": ["rooms/7"], "data": "x", "private": true }),
        json!({ "topics": ["rooms/7", "orders/7"], "data": "x" }),
        json!({ "topics": ["rooms/7/x"], "data": "x" }),
        json!({ "topics": ["orders/7"], "user": "bob", "data": "x" }),
        json!({ "user": "ada", "data": "x" }),
        json!({ "everyone": true, "data": "x" }),
        json!({ "connection": victim, "data": "x" }),
        json!({ "connection": id, "data": "x" }),
    ] {
        let refused = publish(body);
        assert_refused(&refused, 403, "forbidden", Some("insufficient_scope"));
    }
    let array = json!([{ "topics": ["rooms/7"], "data": "x" }, { "everyone": true, "data": "x" }]);
    let refused = publish(array);
    assert_refused(&refused, 403, "forbidden", Some("insufficient_scope"));
    let app = json!({ "everyone": true, "data": "end" }).to_string();
    assert_eq!(server.publish(&[&bearer(APP)], &app).status, 200);
    assert_eq!(stream.messages(3), ["1", "private", "end"]);
    assert_eq!(other.messages(4), ["1", "2", "3", "end"]);
    let reader = bearer(&token("eve", reading(&["**"])));
    let refused = server.publish(&[&reader], r#"{"topics":["rooms/7"],"data":"x"}"#);
    assert_refused(&refused, 403, "forbidden", Some("insufficient_scope"));
}

#[test]
fn with_authentication_other_machines_may_be_listened_to() {
    let bind = |auth| {
        Server::bind(ServerOptions {
            listen: ([0, 0, 0, 0], 0).into(),
            auth,
            ..ServerOptions::default()
        })
    };
    assert!(bind(None).is_err());
    assert!(bind(Some(options())).is_ok());
    let mut broken = options();
    broken.cookie = Some("session".to_owned());
    broken.jwt = None;
    let error = bind(Some(broken)).expect_err("no tokens").to_string();
    assert!(error.starts_with("cookie and query: "), "{error}");
    let mut broken = options();
    broken.keys[0].access.publish = names(&["a**"]);
    let error = bind(Some(broken)).expect_err("no pattern").to_string();
    assert!(
        error.starts_with("keys.access: publish: \"a**\": "),
        "{error}"
    );
    let mut twice = options();
    twice.keys.push(twice.keys[0].clone());
    let error = bind(Some(twice)).expect_err("two of a name").to_string();
    assert_eq!(error, "the key of \"app\": there are two of this name");
    let mut same = options();
    same.keys.push(same.keys[0].clone());
    same.keys[1].name = "other".to_owned();
    let error = bind(Some(same)).expect_err("the same key").to_string();
    assert_eq!(error, "the key of \"other\": it is the same key as another");
}
