//! How fast clients may speak.

use crate::support::{Site, Socket};
use async_tungstenite::tungstenite::Message;
use serde_json::json;
use tidings_smol::server::Rate;

#[test]
fn a_user_says_so_many_messages_on_all_sockets() {
    let site = Site::start(false, |options| options.limits.messages = Rate::new(1, 4));
    let mut sockets = [0; 2].map(|_| {
        let mut socket = Socket::open(site.address, "user=ada");
        socket.connected();
        socket
    });
    for socket in &mut sockets {
        for number in 0..2 {
            assert_eq!(
                socket.ask(&json!({ "type": "ping", "ref": number }))["type"],
                "pong"
            );
        }
    }
    let refused = sockets[0].ask(&json!({ "type": "ping", "ref": "r" }));
    assert_eq!(
        (&refused["code"], &refused["ref"]),
        (&json!("messages_too_fast"), &json!("r"))
    );
    assert!(refused["retry_ms"].is_u64(), "{refused}");
    sockets[1].send(Message::text("what is wrong counts, too"));
    assert_eq!(sockets[1].error(), "messages_too_fast");
    let mut other = Socket::open(site.address, "user=bob");
    other.connected();
    assert_eq!(other.ask(&json!({ "type": "ping" }))["type"], "pong");
}

#[test]
fn whoever_goes_on_too_fast_is_closed() {
    let site = Site::start(false, |options| {
        options.limits.messages = Rate::new(1, 1);
        options.websocket.errors = 10;
    });
    let mut socket = Socket::open(site.address, "user=ada");
    socket.connected();
    for _ in 0..50 {
        // The server may have closed it by now.
        let _ = socket.socket.send(Message::text(r#"{"type":"ping"}"#));
    }
    assert_eq!(socket.end(), Some(1008));
}
