//! Opening a stream in the hub: within all limits, listed, counted, and closed where its owner is shut
//! out meanwhile.
//!
//! It does not know who asks for it in which words, nor how it is driven.

use super::Context;
use super::client::Client;
use super::error::ApiError;
use super::identity::Identity;
use super::notes::Opening;
use super::sessions::{Asking, Named, Session, TabKey, Topics, Transport};
use crate::driver::unix_ms;
use crate::stream::{Closed, OnOpen, Stream, StreamOptions};
use hyper::Request;
use std::sync::Arc;
use tidings_core::ConnectionId;

/// Who asks for a stream, and what it is carried by.
pub(super) struct Opener<'a> {
    pub(super) context: &'a Context,
    pub(super) client: &'a Client,
    pub(super) asking: &'a Asking,
    pub(super) identity: Identity,
    pub(super) transport: Transport,
}

impl Opener<'_> {
    /// Options with what the request and the identity of whoever asks say beside. The position in the
    /// header wins.
    pub(super) fn complete<B>(&self, asked: StreamOptions, request: &Request<B>) -> StreamOptions {
        let cors = self.context.cors.headers(request.headers());
        let said = StreamOptions::for_request_with(request, cors);
        let identity = &self.identity;
        StreamOptions {
            user: asked.user.or_else(|| identity.user.clone()),
            grants: if asked.grants.is_empty() {
                identity.access.grants.clone()
            } else {
                asked.grants
            },
            expires_ms: asked.expires_ms.or(identity.expires_ms),
            last_event_id: said.last_event_id.or(asked.last_event_id),
            head: said.head,
            headers: said.headers,
            ..asked
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// Where it may not be, now or at all.
    pub(super) async fn open(self, mut options: StreamOptions) -> Result<Stream, ApiError> {
        let context = self.context;
        if let Some(user) = &options.user {
            context.limits().open_by_user(user)?;
        }
        let place = context.limits().stream(self.client.address)?;
        let open = context.metrics.open(self.transport);
        let told_close = options.on_close.take();
        let told = move |connection, closed| {
            // The place is kept as long as the stream.
            let _kept = &place;
            open.note_closed(connection, closed);
            if let Some(told) = &told_close {
                told.call(connection, closed);
            }
        };
        let (stream, opening) = self.open_within(options, told).await?;
        context.note_opened(stream.connection(), &opening);
        Ok(stream)
    }

    /// Opens it where the limits of addresses and users have been seen to. `told` hears of its end.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) async fn open_within(
        self,
        mut options: StreamOptions,
        told: impl Fn(ConnectionId, Closed) + Send + Sync + 'static,
    ) -> Result<(Stream, Opening), ApiError> {
        let Self {
            context,
            client,
            asking,
            identity,
            transport,
        } = self;
        let named = Named {
            user: options.user.as_deref().map(Arc::from),
            tab: options.tab.as_deref().map(Box::from),
            token_id: identity.token_id.as_deref().map(Arc::from),
            expires_ms: options.expires_ms,
            speaker: context.sessions.speaker(&identity, transport),
        };
        let session = Session::new(named, client.address, unix_ms(), transport);
        let changes = TabChanges::new(context, &session, &identity, &options.topics);
        let (on_open, on_close) = context.sessions.watch(session, told);
        options.on_open = Some(both(on_open, options.on_open.take()));
        options.on_close = Some(on_close);
        options.topics = changes.topics(options.topics);
        let opening = Opening::new(&options, client.address, transport);
        let stream = context.hub.open(options).await?;
        // Dropped, the stream of someone who was shut out meanwhile is closed.
        asking.check(&identity)?;
        changes
            .settle(context, stream.connection(), &identity)
            .await;
        Ok((stream, opening))
    }
}

/// Tells the server first, so that the stream is listed when the application hears of it.
fn both(server: OnOpen, application: Option<OnOpen>) -> OnOpen {
    let Some(application) = application else {
        return server;
    };
    OnOpen::new(move |connection, ()| {
        server.call(connection, ());
        application.call(connection, ());
    })
}

/// What the tab of a new stream has changed about its topics before.
struct TabChanges(Option<(TabKey, Topics, Topics)>);

impl TabChanges {
    fn new(context: &Context, session: &Session, identity: &Identity, query: &[String]) -> Self {
        let Some(tab) = session.tab_key() else {
            return Self(None);
        };
        let query: Topics = query.iter().map(|topic| Box::from(&**topic)).collect();
        let topics = changed(context, &tab, &query, identity);
        Self(Some((tab, query, topics)))
    }

    /// The topics of the stream, which asks for these, in that order where nothing has changed.
    fn topics(&self, asked: Vec<String>) -> Vec<String> {
        match &self.0 {
            Some((_, query, topics)) if query != topics => {
                topics.iter().map(|topic| String::from(&**topic)).collect()
            }
            _ => asked,
        }
    }

    /// The stream is the newest of its tab now, and the tab can change nothing by an older one any
    /// more: what it has changed while this one was opened is done here.
    async fn settle(self, context: &Context, connection: ConnectionId, identity: &Identity) {
        let Some((tab, query, topics)) = self.0 else {
            return;
        };
        let wanted = changed(context, &tab, &query, identity);
        let only = |these: &Topics, those: &Topics| -> Vec<String> {
            let only = these.difference(those);
            only.map(|topic| String::from(&**topic)).collect()
        };
        if wanted != topics {
            let (add, remove) = (only(&wanted, &topics), only(&topics, &wanted));
            let change = context.hub.change_topics(connection, add, remove);
            // It can have closed again.
            let _ = change.await;
        }
        context.sessions.lock().rebase(&tab, query, wanted);
    }
}

/// The topics of a tab that asks for `query`, with its changes.
fn changed(context: &Context, tab: &TabKey, query: &Topics, identity: &Identity) -> Topics {
    let allowed = |topic: &str| identity.access.may_subscribe(topic);
    let changed = context.sessions.lock().topics_for(tab, query, allowed);
    changed.unwrap_or_else(|| query.clone())
}
