//! Chat rooms over WebSocket, the same rooms as event streams, and a live dashboard of it all.
//!
//! `cargo run --release --example chat_rooms`, then open <http://127.0.0.1:8080/>

mod bus;
mod chat;
mod feed;
mod metrics;
mod rooms;

use bus::Bus;
use chat::Chat;
use rooms::Limits;
use std::error::Error;
use std::rc::Rc;
use tidings_smol::server::{App, Ask, LogOptions, Server, ServerOptions, shutdown, with};
use tidings_smol::{Answer, ClassOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let _log = LogOptions::default().start()?;
    let listen = std::env::args().nth(1);
    let listen = listen.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let limits = Limits {
        rooms: setting("CHAT_ROOMS", 200)?,
        members: setting("CHAT_MEMBERS", 1_000)?,
    };
    let mut options = ServerOptions {
        listen,
        ..ServerOptions::default()
    };
    // What is said is not crowded out by anything else.
    let said = ClassOptions::new(["rooms/*"]);
    options.driver.hub.classes = vec![said, metrics::class()];
    let server = Server::bind(options)?;
    let hub = server.hub();
    let (bus, [for_rooms, for_metrics]) = Bus::new();
    smol::spawn(feed::feed(hub.clone(), for_rooms)).detach();
    smol::spawn(metrics::feed(hub.clone(), for_metrics)).detach();
    let seats = setting("CHAT_SEATS", 2_000)?;
    let chat = Rc::new(Chat::new(hub.clone(), bus, seats, limits));
    println!("Open http://{listen}/, and http://{listen}/dashboard beside it");
    server.run_with(app(&chat), shutdown()?)?;
    Ok(())
}

/// A number of the environment.
fn setting(name: &str, default: usize) -> Result<usize, String> {
    let said = std::env::var(name).ok();
    let number = said.map_or(Ok(default), |said| said.parse());
    number.map_err(|error| format!("{name} is no number: {error}"))
}

fn app(chat: &Rc<Chat>) -> App {
    App::new()
        // What is said in rooms is said by those who are in them.
        .without("/publish")
        .without("/ws")
        .get("/", async |_: Ask<'_>| {
            Ok(Answer::html(include_str!("page.html")))
        })
        .get("/page.js", async |_: Ask<'_>| {
            Ok(Answer::content("text/javascript", include_str!("page.js")))
        })
        .get("/link.js", async |_: Ask<'_>| {
            Ok(Answer::content("text/javascript", include_str!("link.js")))
        })
        .get("/dashboard", async |_: Ask<'_>| {
            Ok(Answer::html(include_str!("dashboard.html")))
        })
        .get("/look.css", async |_: Ask<'_>| {
            Ok(Answer::content("text/css", include_str!("../look.css")))
        })
        .get("/api/rooms", with(chat, chat::list))
        .get("/chat", with(chat, chat::open))
}
