//! The part of a player that opens streams and changes what they hear.
//!
//! It does not know what the streams are sent.

use super::{Client, Player};
use crate::ensure_eq;
use crate::frames::Frames;
use crate::model::Asked;
use crate::ops::{Opening, Peer, Start};
use crate::verdict::Verdict;
use tidings_core::{Decoder, LagPolicy, Open};

impl Player {
    pub(super) fn open(&mut self, opening: &Opening) -> Verdict {
        let mut opening = opening.clone();
        // Where a `bye` does not say why, a reader that lagged could not be told from a drained one.
        if self.model.has_silent_bye() {
            opening.lag_closes = Some(false);
        }
        let asked = Asked {
            last_event_id: self.last_event_id(opening.start),
            expires_ms: self.expires_ms(opening.expires_in),
            preamble: vec![b'#'; opening.preamble],
            opening: opening.clone(),
        };
        let policy = |closes| {
            if closes {
                LagPolicy::Close
            } else {
                LagPolicy::Gap
            }
        };
        let answer = self.hub.open(
            self.now,
            Open {
                user: opening.user,
                tab: opening.tab,
                topics: &opening.topics,
                grants: &opening.grants,
                last_event_id: Some(&asked.last_event_id),
                expires_ms: asked.expires_ms,
                lag: opening.lag_closes.map(policy),
                comment_heartbeats: opening.comments,
                encoding: opening.encoding(),
                preamble: &asked.preamble,
            },
        );
        self.note(format!("{answer:?}"));
        self.model.opened(&asked, answer)?;
        if answer.is_ok() {
            self.clients.push(Client {
                decoder: Decoder::default(),
                frames: opening.websocket.then(Frames::default),
                preamble: opening.preamble,
            });
            let seen = &asked.last_event_id;
            if let Some(client) = self.clients.last_mut() {
                client
                    .decoder
                    .resume(seen.as_bytes())
                    .map_err(|error| format!("a client cannot resume after {seen:?}: {error}"))?;
            }
        }
        Ok(())
    }

    fn last_event_id(&self, start: Start) -> String {
        let (head, epoch) = (self.model.head(), self.hub.cursor().epoch);
        let cursor = |sequence: u64| format!("{epoch:x}~{sequence}");
        match start {
            Start::Head => String::new(),
            Start::Earliest => "earliest".into(),
            Start::Seen(peer) => match self.peer(peer) {
                (Some(key), _) => self.clients[key].decoder.last_event_id().into_owned(),
                (None, _) => String::new(),
            },
            Start::Back(back) => cursor(head.saturating_sub(back)),
            Start::Ahead(ahead) => cursor(head + ahead),
            Start::Amid { back, latest } => {
                let opened = head.saturating_sub(back);
                format!("{}~{}", cursor(opened), opened.saturating_sub(latest))
            }
            Start::AmidAhead { ahead, latest } => {
                let opened = head + ahead;
                format!("{}~{}", cursor(opened), opened.saturating_sub(latest))
            }
            Start::Own(id) => id.into(),
            Start::OtherEpoch => format!("{:x}~{head}", epoch + 1),
            Start::Nonsense => "who knows".into(),
            Start::StayAway => format!("{}!", cursor(head)),
        }
    }

    fn expires_ms(&self, expires_in: Option<i64>) -> Option<u64> {
        expires_in.map(|ms| self.model.unix_ms().saturating_add_signed(ms))
    }

    pub(super) fn subscribe(&mut self, peer: Peer, topic: &str) -> Verdict {
        let (key, id) = self.peer(peer);
        let answer = self.hub.subscribe(id, topic);
        self.model.subscribed(key, topic, answer)
    }

    pub(super) fn unsubscribe(&mut self, peer: Peer, topic: &str) -> Verdict {
        let (key, id) = self.peer(peer);
        let answer = self.hub.unsubscribe(id, topic);
        self.model.unsubscribed(key, topic, answer)
    }

    pub(super) fn renew(
        &mut self,
        peer: Peer,
        expires_in: Option<i64>,
        grants: &[&str],
    ) -> Verdict {
        let (key, id) = self.peer(peer);
        let expires_ms = self.expires_ms(expires_in);
        let answer = self.hub.renew(self.now, id, expires_ms, grants);
        self.model.renewed(key, expires_ms, grants, answer)
    }

    pub(super) fn gone(&mut self, peer: Peer) -> Verdict {
        let (key, id) = self.peer(peer);
        self.hub.handle_closed(id);
        if let Some(key) = key {
            self.model.gone(key);
        }
        self.ready.retain(|ready| *ready != id);
        Ok(())
    }

    pub(super) fn close(&mut self, peer: Peer) -> Verdict {
        let (key, id) = self.peer(peer);
        let found = self.hub.close(self.now, id);
        let expected = key.is_some_and(|key| self.model.close(key));
        ensure_eq!(
            found,
            expected,
            "whether there was a connection {id:?} to close"
        );
        Ok(())
    }

    pub(super) fn writable(&mut self, peer: Peer) -> Verdict {
        let (key, id) = self.peer(peer);
        self.hub.handle_writable(id);
        if let Some(key) = key {
            self.model.writable(key);
        }
        Ok(())
    }
}
