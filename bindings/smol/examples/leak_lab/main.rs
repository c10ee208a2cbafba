//! The trap of leaked streams, and two ways out of it.
//!
//! `cargo run --release --example leak_lab`, then open <http://127.0.0.1:8080/>

use serde_json::json;
use smol::Timer;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use tidings_smol::server::{App, Ask, CorsOptions, Reply, Server, ServerOptions, shutdown};
use tidings_smol::{Answer, Audience, Event, Hub, Publish, StreamOptions};

/// Connections that a browser opens to one host over HTTP/1.1.
const BROWSER_LIMIT: usize = 6;

const TOPIC: &str = "notifications";

fn main() -> Result<(), Box<dyn Error>> {
    let listen = std::env::args().nth(1);
    let listen: SocketAddr = listen.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let names = ["127.0.0.1", "localhost"];
    let server = Server::bind(ServerOptions {
        listen,
        // The page measures by the other name of this machine, so that it sees what goes on when it
        // is frozen itself: a browser counts connections for each name.
        cors: CorsOptions {
            origins: names
                .map(|name| format!("http://{name}:{}", listen.port()))
                .into(),
            ..CorsOptions::default()
        },
        ..ServerOptions::default()
    })?;
    smol::spawn(notify(server.hub().clone())).detach();
    println!("Open http://{listen}/");
    server.run_with(app(), shutdown()?)?;
    Ok(())
}

fn app() -> App {
    App::new()
        .get("/", async |_: Ask<'_>| {
            Ok(Answer::html(include_str!("page.html")))
        })
        .get("/look.css", async |_: Ask<'_>| {
            Ok(Answer::content("text/css", include_str!("../look.css")))
        })
        .get("/api/notifications", notifications)
        .get("/api/status", status)
        .get("/api/orders", async |_: Ask<'_>| {
            Ok(Answer::json(&["tea", "ink", "lamp"]))
        })
}

/// A stream. Where the page names its tab, the server keeps it to one: the newer takes the place of
/// the older.
async fn notifications(ask: Ask<'_>) -> Reply {
    let topics = vec![TOPIC.to_owned()];
    let options = StreamOptions {
        topics,
        ..StreamOptions::default()
    };
    ask.stream(options).await
}

/// What the dashboard's button shows.
async fn status(ask: Ask<'_>) -> Reply {
    let connections = ask.hub().connections();
    let (status, message) = match connections {
        0..5 => ("ok", "everything works"),
        5..BROWSER_LIMIT => (
            "warning",
            "near the limit of a browser: the page will freeze soon",
        ),
        BROWSER_LIMIT => (
            "warning",
            "all that a browser has: whatever else its page asks for waits",
        ),
        _ => (
            "danger",
            "beyond the limit of a browser: its page is frozen, without an error",
        ),
    };
    Ok(Answer::json(&json!({
        "active_connections": connections,
        "browser_limit": BROWSER_LIMIT,
        "status": status,
        "message": message,
    })))
}

/// Something to notify of, every other second.
async fn notify(hub: Hub) {
    for order in 1_001_u32.. {
        let data = json!({ "order": order, "text": format!("Order {order} was shipped") });
        let data = data.to_string();
        let event = Publish::to(Audience::Topic(TOPIC), Event::message(&data));
        if hub.publish(&event).await.is_err() {
            return;
        }
        Timer::after(Duration::from_secs(2)).await;
    }
}
