//! Routes of an application's own, beside those of the server.

use crate::support::guarded::{APP, bearer, now_s, options, reading, sign, token};
use crate::support::{Local, admin, error_code, eventually, received, token_of};
use serde::Deserialize;
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use tidings_smol::server::{ApiError, App, Ask, NewToken, Reply, ServerOptions};
use tidings_smol::tidings_core::{DecodeOptions, Decoder};
use tidings_smol::{Answer, OnClose, OnOpen, StreamOptions};

fn start(app: impl FnOnce() -> App + Send + 'static) -> Local {
    Local::start_with(ServerOptions::default(), app)
}

async fn news(ask: Ask<'_>) -> Reply {
    let topics = vec!["news".to_owned()];
    let options = StreamOptions {
        topics,
        ..StreamOptions::default()
    };
    ask.stream(options).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sum {
    of: Vec<u32>,
}

async fn sum(ask: Ask<'_>) -> Reply {
    let Sum { of } = ask.json().await?;
    Ok(Answer::json(&of.iter().sum::<u32>()))
}

#[test]
fn routes_answer_with_what_stands_in_path_query_and_body() {
    let server = start(|| {
        let asked = Rc::new(Cell::new(0));
        App::new()
            .get("/rooms/{room}/seats/{seat}", async move |ask: Ask<'_>| {
                asked.set(asked.get() + 1);
                let wanted = ask.query("wanted");
                let json = json!({ "room": ask.param("room"), "seat": ask.param("seat"),
                    "nothing": ask.param("row"), "wanted": wanted, "asked": asked.get() });
                Ok(Answer::json(&json))
            })
            .post("/sum", sum)
            .get("/sum", async |_: Ask<'_>| Ok(Answer::done()))
    });
    let seat = server.request("GET /rooms/12/seats/b%2f3?wanted=a%20b&wanted=c", &[], "");
    let expected =
        json!({ "room": "12", "seat": "b%2f3", "nothing": "", "wanted": "a b", "asked": 1 });
    assert_eq!((seat.status, seat.json()), (200, expected));
    let sum = server.request("POST /sum", &[], r#"{"of":[1,2,39]}"#);
    assert_eq!((sum.status, sum.json()), (200, json!(42)));
    assert_eq!(server.request("GET /sum", &[], "").status, 204);
}

#[test]
fn a_route_is_told_its_cookies() {
    let server = start(|| {
        App::new().get("/", async |ask: Ask<'_>| {
            Ok(Answer::json(&[ask.cookie("seat"), ask.cookie("row")]))
        })
    });
    let headers = ["cookie: seat=; room=1; seat=7", "cookie: seat=8"];
    let cookies = server.request("GET /", &headers, "");
    assert_eq!(cookies.json(), json!(["7", null]));
}

#[test]
fn what_a_route_cannot_take_is_refused_as_the_server_refuses() {
    let server = start(|| {
        App::new()
            .post("/sum", sum)
            .get("/teapot", async |_: Ask<'_>| {
                Err(ApiError::not_found("there is no tea"))
            })
    });
    for (line, body, status, code) in [
        ("POST /sum", r#"[[1]]"#, 400, "invalid_json"),
        ("POST /sum", r#"{"of":[1],"and":2}"#, 400, "invalid_json"),
        ("POST /sum", "", 415, "not_json"),
        ("GET /teapot", "", 404, "not_found"),
        ("GET /elsewhere", "", 404, "not_found"),
        ("PUT /sum", "", 405, "method_not_allowed"),
    ] {
        let refused = server.request(line, &[], body);
        assert_eq!(
            (refused.status, &*error_code(&refused)),
            (status, code),
            "{line} {body}"
        );
    }
    let refused = server.request("DELETE /sum", &[], "");
    assert_eq!(refused.header("allow"), Some("POST"));
}

#[test]
fn its_paths_come_before_the_servers_and_the_rest_stays() {
    let server = start(|| {
        App::new()
            .get("/", async |_: Ask<'_>| Ok(Answer::html("<h1>Mine</h1>")))
            .get("/news", news)
    });
    let page = server.request("GET /", &[], "");
    assert_eq!(page.body, b"<h1>Mine</h1>");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let head = server.ask("HEAD /", &[], "").head();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(server.request("GET /health", &[], "").status, 200);
    let metrics = server.request("GET /metrics", &[], "");
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(text.contains(r#"path="/",status="200""#), "{text}");
    let refused = server.ask("HEAD /news", &[], "").head();
    assert!(refused.starts_with("HTTP/1.1 405 "), "{refused}");
}

#[test]
fn a_stream_of_its_own_is_one_of_the_servers() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = heard.clone();
    let server = start(move || {
        App::new().get("/own", async move |ask: Ask<'_>| {
            let (opened, closed) = (told.clone(), told.clone());
            let note = |list: &Mutex<Vec<String>>, line: String| {
                list.lock().expect("nobody panicked").push(line);
            };
            let options = StreamOptions {
                topics: vec!["news".to_owned()],
                user: ask.query("who"),
                on_open: Some(OnOpen::new(move |_, ()| note(&opened, "open".to_owned()))),
                on_close: Some(OnClose::new(move |_, end| {
                    note(&closed, end.reason.to_string());
                })),
                ..StreamOptions::default()
            };
            ask.stream(options).await
        })
    });
    let mut stream = server.stream_of("/own?who=eve", &[]);
    let connected = stream.next();
    assert_eq!(connected.json()["topics"], json!(["news"]));
    let listed = server.request("GET /connections?user=eve", &[], "").json();
    assert_eq!(
        listed["connections"][0]["connection"],
        connected.json()["connection"]
    );
    let body = r#"{"topics":["news"],"data":"1"}"#;
    assert_eq!(server.request("POST /publish", &[], body).status, 200);
    let event = stream.next();
    assert_eq!(event.data, "1");
    drop(stream);
    eventually("its end is told", || {
        let heard = heard.lock().expect("nobody panicked").clone();
        (heard == ["open", "gone"])
            .then_some(())
            .ok_or(heard.join(" "))
    });
    assert_eq!(
        server
            .request("POST /publish", &[], &body.replace('1', "2"))
            .status,
        200
    );
    for (target, headers) in [
        (format!("/own?last_event_id={}", event.id), vec![]),
        (
            "/own".to_owned(),
            vec![format!("last-event-id: {}", event.id)],
        ),
    ] {
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        let mut resumed = server.stream_of(&target, &headers);
        assert_eq!(resumed.next().event, "connected");
        assert_eq!(resumed.next().data, "2");
    }
}

#[test]
fn a_stream_of_its_own_can_be_polled() {
    let server = start(|| {
        App::new().get("/poll-news", async |ask: Ask<'_>| {
            let topics = vec!["news".to_owned()];
            let options = StreamOptions {
                topics,
                ..StreamOptions::default()
            };
            ask.poll(options).await
        })
    });
    let events = |target: &str| {
        let answer = server.request(&format!("GET /poll-news?{target}"), &[], "");
        assert_eq!(answer.status, 200, "{answer:?}");
        received(&mut Decoder::new(DecodeOptions::default()), &answer.body)
    };
    let begun = events("wait=0");
    let id = &begun.last().expect("it says where it stands").id;
    let body = r#"{"topics":["news"],"data":"1"}"#;
    assert_eq!(server.request("POST /publish", &[], body).status, 200);
    let found = events(&format!("last_event_id={id}"));
    let messages: Vec<_> = found.iter().filter(|event| event.is_message()).collect();
    assert_eq!(messages.len(), 1, "{found:?}");
    assert_eq!(messages[0].data, "1");
    for (line, status) in [
        ("GET /poll-news?wait=56", 400),
        ("GET /poll-news?tab=short", 400),
        ("POST /poll-news", 405),
    ] {
        assert_eq!(server.request(line, &[], "").status, status, "{line}");
    }
}

#[test]
fn a_tab_of_its_own_stream_is_superseded_and_refused_softly() {
    let server = start(|| App::new().get("/news", news));
    let tab = "tab=0123456789abcdef";
    let mut first = server.stream_of(&format!("/news?{tab}"), &[]);
    assert_eq!(first.next().event, "connected");
    let mut second = server.stream_of(&format!("/news?{tab}"), &[]);
    assert_eq!(second.next().event, "connected");
    let bye = first.next();
    assert_eq!(
        (&*bye.event, &bye.json()["reason"]),
        ("bye", &json!("superseded"))
    );
    let refused = server.request(&format!("GET /news?last_event_id={}", bye.id), &[], "");
    assert_eq!(refused.status, 204);
    let mut soft = server.stream_of("/news?soft=1&tab=short", &[]);
    assert_eq!(soft.next().event, "bye");
}

/// With tokens in header and cookie.
fn guarded() -> ServerOptions {
    ServerOptions {
        auth: Some(options()),
        ..ServerOptions::default()
    }
}

/// What is for those who are signed in.
fn own() -> App {
    let whoami = async |mut ask: Ask<'_>| {
        let user = ask.user().await?;
        let streams = ask.connections_of(&user);
        Ok(Answer::json(&json!({ "user": user, "streams": streams })))
    };
    App::new()
        .get("/whoami", whoami)
        .post("/whoami", whoami)
        .get("/mine", async |mut ask: Ask<'_>| {
            ask.user().await?;
            ask.stream(StreamOptions::default()).await
        })
        .post("/open", async |_: Ask<'_>| Ok(Answer::done()))
        .post("/sign-out", async |mut ask: Ask<'_>| {
            let token_id = ask.identity().await?.token_id.clone();
            let closed = ask.revoke_token(&token_id.unwrap_or_default()).await?;
            Ok(Answer::json(&closed))
        })
}

#[test]
fn a_route_can_ask_who_asks() {
    let server = Local::start_with(guarded(), own);
    let anyone = server.request("GET /whoami", &[], "");
    assert_eq!(
        (anyone.status, &*error_code(&anyone)),
        (401, "unauthenticated")
    );
    assert!(anyone.header("www-authenticate").is_some(), "{anyone:?}");
    let wrong = server.request("GET /whoami", &[&bearer("nonsense")], "");
    assert_eq!((wrong.status, &*error_code(&wrong)), (401, "invalid_token"));
    let eve = token("eve", reading(&["news"]));
    let streams: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = server.stream_of("/mine", &[&bearer(&eve)]);
            assert_eq!(stream.next().json()["user"], "eve");
            stream
        })
        .collect();
    let answer = server.request("GET /whoami", &[&bearer(&eve)], "");
    assert_eq!(answer.json(), json!({ "user": "eve", "streams": 2 }));
    drop(streams);
    eventually("her streams are gone", || {
        let answer = server.request("GET /whoami", &[&bearer(&eve)], "").json();
        (answer["streams"] == 0).then_some(()).ok_or(answer)
    });
}

#[test]
fn the_stream_of_a_token_ends_with_it() {
    let server = Local::start_with(guarded(), own);
    let short = sign(&NewToken {
        user: Some("eve".to_owned()),
        id: Some("short".to_owned()),
        expires_s: Some(now_s() + 3_600),
        ..NewToken::default()
    });
    let mut stream = server.stream_of("/mine", &[&bearer(&short)]);
    assert_eq!(stream.next().event, "connected");
    let admin = bearer(&admin());
    let revoked = server.request("POST /revocations", &[&admin], r#"{"token_id":"short"}"#);
    assert_eq!(revoked.status, 200, "{revoked:?}");
    let bye = stream.next();
    assert_eq!(
        (&*bye.event, &bye.json()["reason"]),
        ("bye", &json!("expired"))
    );
    let refused = server.request("GET /mine", &[&bearer(&short)], "");
    assert_eq!(error_code(&refused), "token_revoked");
}

#[test]
fn a_route_can_end_a_session() {
    let server = Local::start_with(guarded(), own);
    let eve = bearer(&sign(&token_of("eve", reading(&["news"]))));
    let mut stream = server.stream_of("/mine", &[&eve]);
    assert_eq!(stream.next().event, "connected");
    let mut other = server.stream_of("/mine", &[&bearer(&token("eve", reading(&["news"])))]);
    assert_eq!(other.next().event, "connected");
    let closed = server.request("POST /sign-out", &[&eve], "");
    assert_eq!((closed.status, closed.json()), (200, json!(1)));
    assert_eq!(stream.next().json()["reason"], "expired");
    let refused = server.request("GET /mine", &[&eve], "");
    assert_eq!(error_code(&refused), "token_revoked");
    let admin = bearer(&admin());
    let left = server
        .request("GET /connections?user=eve", &[&admin], "")
        .json();
    assert_eq!(
        left["connections"].as_array().map(Vec::len),
        Some(1),
        "{left}"
    );
}

#[test]
fn a_route_of_its_own_renews_a_stream() {
    let server = Local::start_with(guarded(), || {
        App::new()
            .get("/own/events", async |mut ask: Ask<'_>| {
                let topics = ask.identity().await?.access.subscribe.clone();
                let options = StreamOptions {
                    topics,
                    ..StreamOptions::default()
                };
                ask.stream(options).await
            })
            .post("/own/connections/{id}/token", async |mut ask: Ask<'_>| {
                let id = ask.param("id").to_owned();
                let renewed = ask.renew(&id).await?;
                let new = vec!["new".to_owned()];
                let change = ask.hub().change_topics(renewed.connection, new, Vec::new());
                change.await?;
                Ok(Answer::json(&renewed))
            })
    });
    let before = token("eve", reading(&["kept", "gone"]));
    let mut stream = server.stream_of("/own/events", &[&bearer(&before)]);
    let id = stream.next().json()["connection"].clone();
    let path = format!(
        "POST /own/connections/{}/token",
        id.as_str().expect("an id")
    );
    let after = sign(&NewToken {
        expires_s: Some(4_000_000_000),
        ..token_of("eve", reading(&["kept", "new"]))
    });
    let renewed = server.request(&path, &[&bearer(&after)], "");
    let expected =
        json!({ "expires_ms": 4_000_000_000_000_u64, "topics": ["kept"], "dropped": ["gone"] });
    assert_eq!((renewed.status, renewed.json()), (200, expected));
    let app = format!("authorization: Bearer {APP}");
    for topic in ["gone", "kept", "new"] {
        let body = json!({ "topics": [topic], "data": topic }).to_string();
        assert_eq!(server.request("POST /publish", &[&app], &body).status, 200);
    }
    assert_eq!([stream.next().data, stream.next().data], ["kept", "new"]);
    for (headers, status, code) in [
        (vec![], 401, "unauthenticated"),
        (
            vec![bearer(&token("mallory", reading(&["kept"])))],
            403,
            "forbidden",
        ),
    ] {
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        let refused = server.request(&path, &headers, "");
        assert_eq!((refused.status, &*error_code(&refused)), (status, code));
    }
}

#[test]
fn pages_of_other_origins_change_nothing() {
    let server = Local::start_with(guarded(), own);
    let own = format!("origin: http://{}", server.address);
    let other = "origin: https://evil.example";
    let cookie = format!("cookie: session={}", token("eve", reading(&[])));
    for (line, headers, status) in [
        ("POST /open", vec![], 204),
        ("POST /open", vec![&*own], 204),
        ("POST /open", vec![other], 403),
        ("POST /whoami", vec![&cookie, &*own], 200),
        ("POST /whoami", vec![&cookie], 403),
        ("POST /whoami", vec![&cookie, other], 403),
    ] {
        let answer = server.request(line, &headers, "");
        assert_eq!(answer.status, status, "{line} {headers:?}: {answer:?}");
    }
}

#[test]
#[should_panic(expected = "GET /a is answered already")]
fn a_path_that_is_there_twice_is_a_mistake() {
    drop(App::new().get("/a", news).get("/a", news));
}

#[test]
fn what_it_leaves_out_of_the_servers_paths_is_not_there() {
    let server = start(|| {
        let app = App::new().get("/news", news);
        app.without("/events").without("/connections/{id}/token")
    });
    for line in ["GET /events?topic=a", "POST /connections/1/token"] {
        let missing = server.request(line, &[], "");
        assert_eq!(
            (missing.status, &*error_code(&missing)),
            (404, "not_found"),
            "{line}"
        );
    }
    assert_eq!(server.stream_of("/news", &[]).next().event, "connected");
    assert_eq!(server.request("GET /connections", &[], "").status, 200);
}

#[test]
#[should_panic(expected = "the server has no path /event")]
fn to_leave_out_what_is_not_there_is_a_mistake() {
    drop(App::new().without("/event"));
}
