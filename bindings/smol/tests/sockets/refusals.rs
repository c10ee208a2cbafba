//! What is refused, and that whoever asked is told why.

use crate::support::{Response, Server, error_code};

fn refused(server: &Server, body: &str) -> (u16, String, String) {
    let response = server.ask_to_publish(body);
    let (code, message) = (error_code(&response), response.message());
    (response.status, code, message)
}

/// Bodies of a publish, each with the code it is refused with and a word of the message.
#[track_caller]
fn assert_refused(cases: &[(&str, &str, &str)]) {
    let server = Server::start(&[]);
    for (body, code, word) in cases {
        let (status, found, message) = refused(&server, body);
        assert_eq!((status, &*found), (400, *code), "{body}: {message}");
        assert!(message.contains(word), "{word:?} in {message:?} for {body}");
    }
    assert_eq!(server.stats()["published"], 0);
}

#[test]
fn what_is_no_json_is_refused_with_the_place() {
    assert_refused(&[
        ("{", "invalid_json", "line 1 column"),
        (
            r#"{"topics":["a"],"data":"1"} x"#,
            "invalid_json",
            "column 29",
        ),
        (r#"{"topics":["a"],"data":1,}"#, "invalid_json", "column"),
        (
            r#"{"topics":["a"],"data":"\ud800"}"#,
            "invalid_json",
            "data: ",
        ),
        ("\"hello\"", "invalid_json", "string"),
        ("null", "invalid_json", "null"),
    ]);
}

#[test]
fn wrong_types_are_refused_with_the_place() {
    assert_refused(&[
        (r#"{"topics":"a","data":"1"}"#, "invalid_json", "sequence"),
        (r#"{"topics":[1],"data":"1"}"#, "invalid_json", "string"),
        (r#"{"user":7,"data":"1"}"#, "invalid_json", "string"),
        (
            r#"{"everyone":"yes","data":"1"}"#,
            "invalid_json",
            "boolean",
        ),
        (
            r#"{"topics":["a"],"data":"1","retry":-1}"#,
            "invalid_json",
            "-1",
        ),
        (
            r#"{"topics":["a"],"data":"1","retry":"1s"}"#,
            "invalid_json",
            "1s",
        ),
        (
            r#"{"topics":["a"],"data":"1","private":1}"#,
            "invalid_json",
            "boolean",
        ),
    ]);
}

#[test]
fn fields_that_are_unknown_or_twice_are_named() {
    assert_refused(&[
        (r#"{"topics":["a"],"date":"1"}"#, "invalid_json", "`date`"),
        (
            r#"{"topics":["a"],"data":"1","data":"2"}"#,
            "invalid_json",
            "`data`",
        ),
    ]);
}

#[test]
fn an_event_without_the_names_of_its_fields_is_none() {
    let fields = r#"[["a"],null,false,null,null,"1",null,null,false,null]"#;
    assert_refused(&[
        (&format!("[{fields}]"), "invalid_json", "event 0: "),
        (
            &format!(r#"[{{"topics":["a"],"data":"1"}},{fields}]"#),
            "invalid_json",
            "event 1: invalid type: sequence, expected an object",
        ),
    ]);
}

#[test]
fn an_event_without_data_is_refused() {
    assert_refused(&[
        (r#"{"topics":["a"]}"#, "no_data", "data"),
        (r#"{"topics":["a"],"data":null}"#, "no_data", "data"),
    ]);
}

#[test]
fn an_event_is_for_exactly_one_kind_of_recipients() {
    assert_refused(&[
        (r#"{"data":"1"}"#, "invalid_audience", "topics"),
        (
            r#"{"data":"1","everyone":false}"#,
            "invalid_audience",
            "topics",
        ),
        (r#"{"data":"1","topics":[]}"#, "no_topic", "topic"),
        (
            r#"{"data":"1","everyone":true,"topics":["a"]}"#,
            "invalid_audience",
            "one",
        ),
        (
            r#"{"data":"1","everyone":true,"user":"a"}"#,
            "invalid_audience",
            "one",
        ),
        (
            r#"{"data":"1","connection":"1","user":"a"}"#,
            "invalid_audience",
            "one",
        ),
    ]);
}

#[test]
fn bad_names_are_refused_with_their_place() {
    assert_refused(&[
        (
            r#"{"data":"1","topics":["a",""]}"#,
            "invalid_topic",
            "topic 1",
        ),
        (
            r#"{"data":"1","topics":["a/*"]}"#,
            "invalid_topic",
            "topic 0",
        ),
        (
            r#"{"data":"1","topics":["a\n"]}"#,
            "invalid_topic",
            "control",
        ),
        (r#"{"data":"1","user":""}"#, "invalid_user", "user"),
        (
            r#"{"data":"1","connection":"xyz"}"#,
            "invalid_connection",
            "xyz",
        ),
        (
            r#"{"data":"1","topics":["a"],"except":"-"}"#,
            "invalid_connection",
            "except",
        ),
    ]);
}

#[test]
fn reserved_and_broken_types_are_refused() {
    let mut cases = Vec::new();
    for name in ["connected", "heartbeat", "gap", "reauth", "bye"] {
        let body = format!(r#"{{"data":"1","topics":["a"],"event":"{name}"}}"#);
        cases.push((body, "reserved_event"));
    }
    let body = r#"{"data":"1","topics":["a"],"event":"a\nb"}"#;
    cases.push((body.into(), "invalid_event"));
    let cases: Vec<_> = cases
        .iter()
        .map(|(body, code)| (&**body, *code, ""))
        .collect();
    assert_refused(&cases);
}

#[test]
fn ids_that_could_be_mistaken_are_refused() {
    let mut cases = Vec::new();
    let long = "x".repeat(257);
    for id in [
        "", "1~2", "earliest", "bye!", "a\\nb", "a\\u0000", "a\\tb", &long,
    ] {
        cases.push(format!(r#"{{"data":"1","topics":["a"],"id":"{id}"}}"#));
    }
    let cases: Vec<_> = cases
        .iter()
        .map(|body| (&**body, "invalid_id", ""))
        .collect();
    assert_refused(&cases);
}

#[test]
fn of_an_array_nothing_is_published_when_one_event_is_bad() {
    let server = Server::start(&[]);
    let good = r#"{"topics":["a"],"data":"1"}"#;
    for (bad, code) in [
        (r#"{"topics":["*"],"data":"1"}"#, "invalid_topic"),
        (r#"{"topics":["a"]}"#, "no_data"),
        (
            r#"{"topics":["a"],"data":"1","event":"bye"}"#,
            "reserved_event",
        ),
        (
            r#"{"topics":["a"],"data":"1","colour":"red"}"#,
            "invalid_json",
        ),
        (
            r#"{"topics":["a"],"data":"1","retry":"soon"}"#,
            "invalid_json",
        ),
    ] {
        let (status, found, message) = refused(&server, &format!("[{good},{good},{bad},{good}]"));
        assert_eq!((status, &*found), (400, code), "{message}");
        assert!(message.contains("event 2"), "the number is in {message:?}");
    }
    assert_eq!(server.stats()["published"], 0);
}

#[test]
fn an_array_larger_than_the_log_is_refused() {
    let server = Server::start(&["--log-events", "10"]);
    let good = r#"{"topics":["a"],"data":"1"}"#;
    let response = server.ask_to_publish(&format!("[{}]", [good; 11].join(",")));
    assert_eq!(response.status, 413);
    assert_eq!(error_code(&response), "batch_too_large");
    server.publish(&format!("[{}]", [good; 10].join(",")));
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let server = Server::start(&[]);
    let body = "x".repeat((1 << 20) + 1);
    let response = server.ask_to_publish(&body);
    assert_eq!(response.status, 413);
    assert_eq!(error_code(&response), "body_too_long");
    assert!(response.message().contains("1048576"), "{response:?}");
}

#[test]
fn a_body_that_grows_over_the_limit_is_refused() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(
        "POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n",
    );
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..17 {
        client.send(&chunk);
    }
    let response = client.response();
    assert_eq!(response.status, 413);
    assert_eq!(error_code(&response), "body_too_long");
}

#[test]
fn a_body_that_is_not_utf_8_is_refused() {
    let server = Server::start(&[]);
    let body = b"{\"topics\":[\"a\"],\"data\":\"\xff\"}";
    let length = format!("content-length: {}", body.len());
    let headers = ["host: localhost", "content-type: application/json", &length];
    let response = server
        .connect()
        .request_with("POST /publish HTTP/1.1", &headers, body);
    assert_eq!(response.status, 400);
    assert_eq!(error_code(&response), "invalid_json");
    assert!(response.message().contains("UTF-8"), "{response:?}");
}

fn publish_as(server: &Server, content_type: &str) -> Response {
    let body = br#"{"topics":["a"],"data":"1"}"#;
    let length = format!("content-length: {}", body.len());
    let mut headers = vec!["host: localhost", &length];
    if !content_type.is_empty() {
        headers.push(content_type);
    }
    server
        .connect()
        .request_with("POST /publish HTTP/1.1", &headers, body)
}

#[test]
fn only_json_is_published() {
    let server = Server::start(&[]);
    for content_type in [
        "",
        "content-type: text/plain",
        "content-type: application/x-www-form-urlencoded",
        "content-type: application/jsonx",
        "content-type: text/plain; application/json",
    ] {
        let response = publish_as(&server, content_type);
        assert_eq!(response.status, 415, "{content_type:?}");
        assert_eq!(error_code(&response), "not_json");
    }
}

#[test]
fn the_type_json_may_have_parameters_and_capitals() {
    let server = Server::start(&[]);
    for content_type in [
        "content-type: application/json; charset=utf-8",
        "content-type: application/json;charset=UTF-8",
        "Content-Type:  Application/JSON ",
    ] {
        let response = publish_as(&server, content_type);
        assert_eq!(response.status, 200, "{content_type:?}: {response:?}");
    }
}

#[test]
fn paths_that_are_not_there_are_404() {
    let server = Server::start(&[]);
    for path in [
        "/event",
        "/events/",
        "//",
        "/publish/x",
        "/../etc/passwd",
        "/health?/x/../..",
    ] {
        let response = server.get(path);
        let expected = if path.starts_with("/health") {
            200
        } else {
            404
        };
        assert_eq!(response.status, expected, "{path}");
        if expected == 404 {
            assert_eq!(error_code(&response), "not_found");
        }
    }
}

#[test]
fn methods_that_a_path_does_not_take_are_405_with_those_it_does() {
    let server = Server::start(&[]);
    for (method, path, allow) in [
        ("POST", "/events", "GET"),
        ("DELETE", "/events", "GET"),
        ("GET", "/publish", "POST"),
        ("PUT", "/publish", "POST"),
        ("OPTIONS", "/publish", "POST"),
        ("POST", "/stats", "GET, HEAD"),
        ("POST", "/health", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
    ] {
        let response = server.request(method, path, "");
        assert_eq!(response.status, 405, "{method} {path}");
        assert_eq!(response.header("allow"), Some(allow), "{method} {path}");
        assert_eq!(error_code(&response), "method_not_allowed");
    }
}

#[test]
fn head_has_the_head_alone() {
    let server = Server::start(&[]);
    for path in ["/", "/stats", "/health"] {
        let mut client = server.connect();
        let response = client.request("HEAD", path, "");
        assert_eq!(response.status, 200, "{path}");
        assert_ne!(response.header("content-length"), Some("0"), "{path}");
        assert_eq!(client.request("GET", "/health", "").status, 200, "{path}");
    }
    let mut client = server.connect();
    assert_eq!(client.request("HEAD", "/events?topic=a", "").status, 405);
}
