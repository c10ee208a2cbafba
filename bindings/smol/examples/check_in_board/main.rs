//! Who is in which room of a school, live: supervisors watch their groups, students come and go.
//!
//! `cargo run --release --example check_in_board`, then open <http://127.0.0.1:8080/>

mod board;
mod display;
mod school;
mod session;

use board::Board;
use hyper::Method;
use session::{SessionOptions, Sessions};
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;
use tidings_smol::Answer;
use tidings_smol::server::{App, Ask, LogOptions, Reply, Server, ServerOptions, shutdown, with};

/// Everyone can read these two: an application of yours says others in its environment.
const SECRET: &str = "what the tokens of this example are signed with";
const DOOR_KEY: &str = "the-key-of-the-doors-of-this-example";

/// How far back it is counted what was missed.
const COUNTED: usize = 200_000;

/// How long before the end of its token a stream asks for another, at most.
const REAUTH: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let listen = std::env::args().nth(1);
    let listen: SocketAddr = listen.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let logs = LogOptions {
        level: setting("BOARD_LOG", "info,check_in_board=debug")?,
        ..LogOptions::default()
    };
    let _log = logs.start()?;
    let token: Duration = setting::<humantime::Duration>("BOARD_TOKEN", "15m")?.into();
    let sessions = SessionOptions {
        secret: setting("BOARD_SECRET", SECRET)?,
        door_key: setting("BOARD_DOOR_KEY", DOOR_KEY)?,
        session: setting::<humantime::Duration>("BOARD_SESSION", "1h")?.into(),
        token,
    };
    let door_key = sessions.door_key.clone();
    let mut options = ServerOptions {
        listen,
        auth: Some(sessions.auth()),
        logs,
        ..ServerOptions::default()
    };
    let hub = &mut options.driver.hub;
    hub.default_class.events = setting("BOARD_LOG_EVENTS", "50000")?;
    hub.default_class.records = Some(COUNTED);
    hub.deadlines.reauth_ms = REAUTH.min(token / 3).as_millis() as u64;
    let heartbeat: Duration = setting::<humantime::Duration>("BOARD_HEARTBEAT", "30s")?.into();
    hub.deadlines.heartbeat_ms = Some(heartbeat.as_millis() as u64);
    let app = app(Board::new(Sessions::new(sessions)?));
    let server = Server::bind(options)?;
    println!("The board:    http://{listen}/");
    println!("The terminal: http://{listen}/terminal#{door_key}");
    server.run_with(app, shutdown()?)?;
    Ok(())
}

/// What the environment says, or what is said here.
fn setting<T: FromStr<Err: Error + 'static>>(
    name: &str,
    default: &str,
) -> Result<T, Box<dyn Error>> {
    let text = std::env::var(name);
    let value = text.as_deref().unwrap_or(default).parse();
    value.map_err(|error| format!("{name}: {error}").into())
}

fn app(board: Board) -> App {
    let board = Rc::new(board);
    let group = "/api/active/groups/{id}/session";
    pages()
        .post("/api/auth/login", with(&board, Board::sign_in))
        .post("/api/auth/refresh", with(&board, Board::refresh))
        .post("/api/auth/logout", with(&board, Board::sign_out))
        .get("/api/sse/events", with(&board, Board::events))
        .post(
            "/api/sse/connections/{id}/token",
            with(&board, Board::renew),
        )
        .get(
            "/api/active/groups/{id}/visits/display",
            with(&board, Board::visits),
        )
        .post(
            "/api/active/groups/{id}/visits",
            with(&board, Board::check_in),
        )
        .route(
            Method::DELETE,
            "/api/active/groups/{id}/visits/{student}",
            with(&board, Board::check_out),
        )
        .post(group, with(&board, Board::start))
        .route(Method::DELETE, group, with(&board, Board::end))
        .get("/api/students", with(&board, Board::students))
        .get("/api/overview", with(&board, Board::overview))
        .post("/api/staff/{id}/groups", with(&board, Board::assign))
}

fn pages() -> App {
    App::new()
        .get("/", file("text/html", include_str!("page.html")))
        .get(
            "/terminal",
            file("text/html", include_str!("terminal.html")),
        )
        .get("/look.css", file("text/css", include_str!("../look.css")))
        .get("/board.js", script(include_str!("board.js")))
        .get("/groups.js", script(include_str!("groups.js")))
        .get("/session.js", script(include_str!("session.js")))
        .get("/terminal.js", script(include_str!("terminal.js")))
        .get("/texts.js", script(include_str!("texts.js")))
}

fn script(content: &'static str) -> impl AsyncFn(Ask<'_>) -> Reply {
    file("text/javascript", content)
}

fn file(kind: &'static str, content: &'static str) -> impl AsyncFn(Ask<'_>) -> Reply {
    async move |_: Ask<'_>| Ok(Answer::content(kind, content))
}
