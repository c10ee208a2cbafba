//! What the page asks for.
//!
//! It does not know how sessions and notifications are kept.

use crate::center::Center;
use crate::session;
use crate::store::Store;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use std::rc::Rc;
use tidings_smol::Answer;
use tidings_smol::server::{ApiError, App, Ask, Reply, with};

/// Characters of a title and of a text.
const TITLE: usize = 100;
const BODY: usize = 1_000;

pub(crate) fn app(center: Center) -> App {
    let center = &Rc::new(center);
    App::new()
        .get("/", async |_: Ask<'_>| {
            Ok(Answer::html(include_str!("page.html")))
        })
        .get("/page.js", async |_: Ask<'_>| {
            Ok(Answer::content("text/javascript", include_str!("page.js")))
        })
        .get("/look.css", async |_: Ask<'_>| {
            Ok(Answer::content("text/css", include_str!("../look.css")))
        })
        .get(session::WHOAMI, with(center, session::whoami))
        .post("/api/session", with(center, session::sign_in))
        .route(
            Method::DELETE,
            "/api/session",
            with(center, session::sign_out),
        )
        .get("/api/health", async |ask: Ask<'_>| {
            let connections = ask.hub().connections();
            Ok(Answer::json(
                &json!({ "status": "healthy", "connections": connections }),
            ))
        })
        .get("/api/config", with(center, Center::settings))
        .get("/api/notifications", with(center, Center::state))
        .post("/api/notifications", with(center, Center::create))
        .post(
            "/api/notifications/{id}/read",
            with(center, Center::mark_read),
        )
        .route(
            Method::DELETE,
            "/api/notifications/{id}",
            with(center, Center::delete),
        )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    to: String,
    title: String,
    #[serde(default)]
    body: String,
}

impl Center {
    async fn settings(&self, _: Ask<'_>) -> Reply {
        Ok(Answer::json(&self.config))
    }

    /// All that a user has, and who they can write to.
    async fn state(&self, mut ask: Ask<'_>) -> Reply {
        let user = ask.user().await?;
        let owner = user.clone();
        let state = self.disk.ask(move |store| store.state(&owner)).await;
        let state = state?;
        let users: Vec<_> = self.config.users().collect();
        Ok(Answer::json(&json!({
            "user": user,
            "users": users,
            "revision": state.revision,
            "notifications": state.notifications,
        })))
    }

    async fn create(&self, mut ask: Ask<'_>) -> Reply {
        let from = ask.user().await?;
        let New { to, title, body } = ask.json().await?;
        if !self.config.is_user(&to) {
            let message = format!("there is nobody by the name of {to:?}");
            return Err(ApiError::bad("unknown_user", message));
        }
        for (field, text, least, most) in [("title", &title, 1, TITLE), ("body", &body, 0, BODY)] {
            if !(least..=most).contains(&text.trim().chars().count()) {
                let message = format!("{field} has {least} to {most} characters");
                return Err(ApiError::bad("invalid_text", message));
            }
        }
        let created = move |store: &Store| store.create(&from, &to, title, body);
        let notification = self.disk.ask(created).await?;
        self.tell();
        Ok(Answer::json(&notification).with_status(StatusCode::CREATED))
    }

    async fn mark_read(&self, mut ask: Ask<'_>) -> Reply {
        let (user, id) = own(&mut ask).await?;
        let found = self.disk.ask(move |store| store.mark_read(&user, id)).await;
        self.done(found?)
    }

    async fn delete(&self, mut ask: Ask<'_>) -> Reply {
        let (user, id) = own(&mut ask).await?;
        let found = self.disk.ask(move |store| store.delete(&user, id)).await;
        self.done(found?)
    }

    fn done(&self, found: bool) -> Reply {
        if !found {
            return Err(ApiError::not_found("you have no such notification"));
        }
        self.tell();
        Ok(Answer::done())
    }
}

/// Whose notification a path is about: of those of the user who asks, always.
async fn own(ask: &mut Ask<'_>) -> Result<(String, u64), ApiError> {
    let user = ask.user().await?;
    let id = ask.param("id").parse();
    let id = id.map_err(|_| ApiError::not_found("you have no such notification"))?;
    Ok((user, id))
}
