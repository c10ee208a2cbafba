//! Alerts for those who spend too much: each user has a limit, and is told live where they stand.
//!
//! `cargo run --release --example spending_alerts`, then open <http://127.0.0.1:8989/>

mod decimal;
mod ledger;

use decimal::Decimal;
use hyper::StatusCode;
use ledger::{Account, Ledger, Limit, Refused};
use serde::{Deserialize, Serialize};
use serde_json::json;
use smol::lock::Mutex;
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use tidings_smol::server::{
    Algorithm, ApiError, App, Ask, AuthOptions, JwtOptions, KeyOptions, KeyProblem, LogOptions,
    NewToken, Reply, Secret, Server, ServerOptions, SigningKey, shutdown, with,
};
use tidings_smol::{
    Answer, Audience, CloseReason, ControlEvent, Event, Hub, OnClose, OnOpen, Publish,
    StreamOptions, unix_ms,
};
use tracing::info;

/// What all routes share.
struct Alerts {
    ledger: Mutex<Ledger>,
    key: SigningKey,
    token_s: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let _log = LogOptions::default().start()?;
    let listen = std::env::args().nth(1);
    let listen = listen.as_deref().unwrap_or("127.0.0.1:8989").parse()?;
    let secret = Secret::random()?;
    let alerts = Rc::new(Alerts {
        ledger: Mutex::new(Ledger::demo(SystemTime::now())),
        key: SigningKey::from_secret(Algorithm::Hs256, secret.expose())?,
        token_s: setting("SPENDING_TOKEN_S", 3_600)?,
    });
    let server = Server::bind(options(listen, secret)?)?;
    println!("Open http://{listen}/, or watch as Sari does:\n");
    println!(
        "curl -N -H 'Authorization: Bearer {}' http://{listen}/api/periode-limit/notifications/stream\n",
        alerts.token(13)?
    );
    server.run_with(app(&alerts), shutdown()?)?;
    Ok(())
}

fn options(listen: SocketAddr, secret: Secret) -> Result<ServerOptions, Box<dyn Error>> {
    let key = KeyOptions {
        id: None,
        algorithm: Algorithm::Hs256,
        secret: Some(secret),
        secret_file: None,
        pem_file: None,
    };
    let jwt = JwtOptions {
        keys: vec![key],
        // One clock signs and checks.
        leeway: Duration::ZERO,
        ..JwtOptions::default()
    };
    let mut options = ServerOptions {
        listen,
        // Few pages, which may all come back soon.
        drain: Duration::from_secs(2),
        auth: Some(AuthOptions {
            jwt: Some(jwt),
            ..AuthOptions::default()
        }),
        ..ServerOptions::default()
    };
    let hub = &mut options.driver.hub;
    hub.limits.user_connections = usize::try_from(setting("SPENDING_CONNECTIONS_PER_USER", 100)?)?;
    hub.deadlines.heartbeat_ms = Some(setting("SPENDING_HEARTBEAT_MS", 30_000)?);
    hub.control.connected = ControlEvent {
        json: Some(r#"{"message":"Connected to Spending notifications"}"#.to_owned()),
        ..ControlEvent::named("connected")
    };
    hub.control.heartbeat = ControlEvent {
        json: Some(r#"{"timestamp":{time_ms}}"#.to_owned()),
        ..ControlEvent::named("heartbeat")
    };
    // A page that is not told the name of its stream cannot renew it: it comes back with a new token.
    hub.control.reauth.enabled = false;
    Ok(options)
}

/// A number of the environment.
fn setting(name: &str, default: u64) -> Result<u64, String> {
    let said = std::env::var(name).ok();
    let number = said.map_or(Ok(default), |said| said.parse());
    number.map_err(|error| format!("{name} is no number: {error}"))
}

fn app(alerts: &Rc<Alerts>) -> App {
    App::new()
        // Whoever is not active has a token, but no stream.
        .without("/events")
        .without("/poll")
        .get("/", async |_: Ask<'_>| {
            Ok(Answer::html(include_str!("page.html")))
        })
        .get("/look.css", async |_: Ask<'_>| {
            Ok(Answer::content("text/css", include_str!("../look.css")))
        })
        .get("/api/people", with(alerts, Alerts::people))
        .post("/api/sign-in", with(alerts, Alerts::sign_in))
        .post("/api/periode-limit", with(alerts, Alerts::set_limit))
        .post("/api/periode-limit/spending", with(alerts, Alerts::spend))
        .get(
            "/api/periode-limit/notifications/stream",
            with(alerts, Alerts::stream),
        )
        .get(
            "/api/periode-limit/notifications/status",
            with(alerts, Alerts::status),
        )
        .get(
            "/api/periode-limit/notifications/health",
            with(alerts, Alerts::health),
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignIn {
    user_id: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spend {
    amount: Decimal,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    user_id: u32,
    connected_clients: usize,
    total_system_clients: usize,
}

impl Alerts {
    /// A stream: `connected`, where its user stands, and every change from then on. One that comes back
    /// with its position is sent what it missed before.
    async fn stream(&self, mut ask: Ask<'_>) -> Reply {
        let user = self.active_user(&mut ask).await?;
        let hub = ask.hub();
        let answer = ask.stream(noted(user)).await?;
        if let Answer::Stream(stream) = &answer {
            let ledger = self.ledger.lock().await;
            let account = ledger.get(user).ok_or_else(unknown)?;
            tell(
                hub,
                Audience::Connection(stream.connection()),
                user,
                account,
            )
            .await?;
        }
        Ok(answer)
    }

    async fn status(&self, mut ask: Ask<'_>) -> Reply {
        let user = self.active_user(&mut ask).await?;
        let ledger = self.ledger.lock().await;
        let account = ledger.get(user).ok_or_else(unknown)?;
        Ok(Answer::json(&account.status(SystemTime::now())))
    }

    async fn health(&self, mut ask: Ask<'_>) -> Reply {
        let user = self.active_user(&mut ask).await?;
        Ok(Answer::json(&Health {
            status: "healthy",
            user_id: user,
            connected_clients: ask.connections_of(&user.to_string()),
            total_system_clients: ask.hub().connections(),
        }))
    }

    async fn spend(&self, mut ask: Ask<'_>) -> Reply {
        let user = self.active_user(&mut ask).await?;
        let hub = ask.hub();
        let Spend { amount } = ask.json().await?;
        self.change(hub, user, |account, now| account.spend(amount, now))
            .await
    }

    async fn set_limit(&self, mut ask: Ask<'_>) -> Reply {
        let user = self.active_user(&mut ask).await?;
        let hub = ask.hub();
        let limit: Limit = ask.json().await?;
        self.change(hub, user, |account, now| account.set_limit(limit, now))
            .await
    }

    /// Changes an account, tells its user, and answers with where it stands now. Where nobody can be told,
    /// or whoever asks has left before, nothing is changed.
    async fn change(
        &self,
        hub: &Hub,
        user: u32,
        change: impl FnOnce(&mut Account, SystemTime) -> Result<(), Refused>,
    ) -> Reply {
        let mut ledger = self.ledger.lock().await;
        let account = ledger.get_mut(user).ok_or_else(unknown)?;
        let (now, mut changed) = (SystemTime::now(), account.clone());
        change(&mut changed, now)?;
        tell(hub, Audience::User(&user.to_string()), user, &changed).await?;
        *account = changed;
        Ok(Answer::json(&account.status(now)))
    }

    /// Those with whose eyes the page can be looked at.
    async fn people(&self, _: Ask<'_>) -> Reply {
        let ledger = self.ledger.lock().await;
        let people = ledger.iter().map(|(user, account)| {
            json!({ "userId": user, "name": account.name, "active": account.is_active })
        });
        Ok(Answer::json(&people.collect::<Vec<_>>()))
    }

    /// A token for anyone who asks: in earnest, who they are would be found out first.
    async fn sign_in(&self, ask: Ask<'_>) -> Reply {
        let SignIn { user_id } = ask.json().await?;
        if self.ledger.lock().await.get(user_id).is_none() {
            return Err(unknown());
        }
        let token = self.token(user_id).map_err(|problem| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            ApiError::new(status, "not_signed", problem.to_string())
        })?;
        Ok(Answer::json(&json!({ "token": token })))
    }

    fn token(&self, user: u32) -> Result<String, KeyProblem> {
        self.key.sign(&NewToken {
            user: Some(user.to_string()),
            expires_s: Some(unix_ms() / 1_000 + self.token_s),
            ..NewToken::default()
        })
    }

    /// Who asks, if their account is active.
    async fn active_user(&self, ask: &mut Ask<'_>) -> Result<u32, ApiError> {
        let user = ask.user().await?.parse().map_err(|_| unknown())?;
        let ledger = self.ledger.lock().await;
        let account = ledger.get(user).ok_or_else(unknown)?;
        if account.is_active {
            return Ok(user);
        }
        let message = "this account is not active";
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "inactive_user",
            message,
        ))
    }
}

/// Tells a user, or one stream of theirs, where they stand. The ledger is locked meanwhile, so that what
/// is told comes in the order in which it happened. What follows it at once happens with it or not at all.
async fn tell(
    hub: &Hub,
    audience: Audience<'_>,
    user: u32,
    account: &Account,
) -> Result<(), ApiError> {
    let Some(notification) = account.notification(user, SystemTime::now()) else {
        return Ok(());
    };
    let json = serde_json::to_string(&notification).expect("numbers and texts");
    let event = Event::message(&json).with_event("notification");
    let event = event.expect("a name without line breaks");
    let posted = hub.post(&Publish::to(audience, event)).await?;
    for told in posted.published() {
        info!(user, id = %told.cursor, "SSE notification sent");
    }
    Ok(())
}

/// A stream of whose life the log tells.
fn noted(user: u32) -> StreamOptions {
    StreamOptions {
        on_open: Some(OnOpen::new(move |connection, ()| {
            info!(%connection, "SSE stream opened for user {user}");
        })),
        on_close: Some(OnClose::new(move |connection, closed| {
            if closed.reason == CloseReason::Gone {
                info!(%connection, "SSE stream aborted for user {user}");
            }
            let (reason, delivered) = (closed.reason.as_str(), closed.delivered);
            info!(%connection, reason, delivered, "SSE connection closed for user {user}");
            // The server has forgotten it by now.
            info!(%connection, "SSE client removed for user {user}");
        })),
        ..StreamOptions::default()
    }
}

fn unknown() -> ApiError {
    ApiError::not_found("there is no such user")
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let (code, message) = refused.says();
        Self::new(StatusCode::CONFLICT, code, message)
    }
}
