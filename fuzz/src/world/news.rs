//! What happens next in a world, and what it leads to: requests, answers, bytes that come in.
//!
//! It does not know what goes wrong; `deeds` sees to that.

use super::link::{Link, Path};
use super::posting::Post;
use super::reader::{Pace, Wish};
use super::{MOST_DELAY_MS, World};
use crate::ensure;
use crate::frames::Frames;
use crate::verdict::Verdict;
use std::borrow::Cow;
use tidings_core::{ClientError, Cursor, LagPolicy, Open};

/// Something that will happen.
#[derive(Debug)]
pub(super) enum News {
    /// A reader is switched on.
    Start { reader: usize },
    /// A request of a reader comes in.
    Request {
        reader: usize,
        attempt: u64,
        last_event_id: String,
    },
    /// Its answer comes back: a link, or a status; none where nobody answers.
    Answer {
        reader: usize,
        attempt: u64,
        answer: Result<usize, Option<u16>>,
    },
    /// The server learns that the other side of a link is gone.
    Lost { link: usize },
    /// A publisher for whom there was no room tries again.
    Retry { post: Post },
    /// At the end, a publisher sends again what has no answer.
    Repeat { publisher: usize },
    /// A planned restart comes to its end.
    Restart { life: u64 },
}

impl World {
    pub(super) fn happen(&mut self, news: News) -> Verdict {
        match news {
            News::Start { reader } => {
                self.readers[reader].client.connect(self.now);
                Ok(())
            }
            News::Request {
                reader,
                attempt,
                last_event_id,
            } => {
                self.request(reader, attempt, last_event_id);
                Ok(())
            }
            News::Answer {
                reader,
                attempt,
                answer,
            } => self.answer(reader, attempt, answer),
            News::Lost { link } => {
                self.server.lose(&self.links[link]);
                Ok(())
            }
            News::Retry { post } => self.post(post),
            News::Repeat { publisher } => self.repeat(publisher),
            News::Restart { life } => self.end_drain(life),
        }
    }

    /// A stream is asked for. The driver it goes to may have no time now.
    fn request(&mut self, reader: usize, attempt: u64, last_event_id: String) {
        let who = &self.readers[reader].persona;
        let turn = reader as u64 + attempt;
        if let Some(until) = self.server.busy_until(self.now, who, turn) {
            let request = News::Request {
                reader,
                attempt,
                last_event_id,
            };
            return self.note(until - self.now, request);
        }
        let delay_ms = self
            .dice("answer", reader, attempt)
            .between(0, MOST_DELAY_MS);
        let answer = if self.server.is_up(self.now) {
            self.open(reader, attempt, &last_event_id).map_err(Some)
        } else {
            Err(None)
        };
        self.note(
            delay_ms,
            News::Answer {
                reader,
                attempt,
                answer,
            },
        );
    }

    fn open(&mut self, reader: usize, attempt: u64, last_event_id: &str) -> Result<usize, u16> {
        let number = self.links.len();
        let who = &self.readers[reader];
        let unix_ms = self.server.unix_ms(self.now);
        let policy = |closes| {
            if closes {
                LagPolicy::Close
            } else {
                LagPolicy::Gap
            }
        };
        let open = Open {
            user: who.profile.user,
            tab: who.profile.tab,
            topics: &who.profile.topics,
            grants: &who.profile.grants,
            last_event_id: Some(last_event_id),
            expires_ms: who.token_ms().map(|ms| unix_ms + ms),
            lag: who.persona.lag_closes.map(policy),
            comment_heartbeats: who.persona.comments,
            encoding: who.persona.encoding(),
            preamble: b"",
        };
        let turn = reader as u64 + attempt;
        let connection = self
            .server
            .open(self.now, &who.persona, turn, number, open)?;
        let mut dice = self.dice("link", reader, attempt);
        let capacity = dice.between(150, 5_000) as usize;
        let delay_ms = dice.between(0, MOST_DELAY_MS);
        let life = self.server.life();
        let mut link = Link::new(life, connection, capacity, delay_ms);
        link.frames = self.readers[reader].persona.websocket.then(Frames::default);
        self.links.push(link);
        let known = self.must_know(last_event_id);
        self.ledger
            .connect(life, connection, &self.readers[reader].profile);
        let who = &mut self.readers[reader];
        who.record.connections.insert((life, connection));
        if who.attempt == attempt {
            who.record.known = known;
        }
        who.record.doubtful |= self.ledger.is_doubtful(last_event_id);
        Ok(number)
    }

    /// Whether the server cannot say that it does not know an id.
    fn must_know(&self, id: &str) -> bool {
        let Cursor {
            epoch, sequence, ..
        } = self.server.cursor();
        if let Ok(cursor) = id.parse::<Cursor>() {
            return cursor.epoch == epoch && cursor.sequence <= sequence;
        }
        let ids = self.server.remembered_ids();
        ids.is_some_and(|ids| self.ledger.among_last_ids(epoch, id, ids).is_some())
    }

    fn answer(
        &mut self,
        reader: usize,
        attempt: u64,
        answer: Result<usize, Option<u16>>,
    ) -> Verdict {
        if self.readers[reader].attempt != attempt {
            // It has given up on this one.
            if let Ok(link) = answer {
                self.drop_link(link);
            }
            return Ok(());
        }
        match answer {
            Ok(link) => {
                self.links[link].disturbed = self.readers[reader].pace != Pace::Fast;
                self.readers[reader].link = Some(link);
                self.readers[reader].answered(self.now, 200);
            }
            Err(Some(status)) => self.readers[reader].answered(self.now, status),
            Err(None) => self.readers[reader].client.handle_error(self.now),
        }
        self.grant_wishes(reader)
    }

    /// The reader's side of a link is closed.
    fn drop_link(&mut self, link: usize) {
        let dead = self.links[link].path == Path::Dead;
        let (now, delay_ms) = (self.now, self.links[link].delay_ms());
        self.links[link].cut(now, 0);
        if !dead {
            self.note(delay_ms, News::Lost { link });
        }
    }

    /// A reader reads what has come.
    pub(super) fn read(&mut self, reader: usize) -> Verdict {
        let Some(link) = self.readers[reader].link else {
            return Ok(());
        };
        let due = self.links[link]
            .readable_at()
            .is_some_and(|at| at <= self.now);
        if due {
            let most = self.readers[reader].appetite(self.now);
            let bytes = self.links[link].read(self.now, most);
            self.hear(reader, link, &bytes)?;
            if !bytes.is_empty() {
                self.server.writable(&self.links[link]);
            }
        }
        if self.readers[reader].link == Some(link) && self.links[link].is_at_end() {
            self.readers[reader].link = None;
            self.readers[reader].client.handle_end(self.now);
        }
        Ok(())
    }

    /// A reader makes sense of bytes.
    pub(super) fn hear(&mut self, reader: usize, link: usize, bytes: &[u8]) -> Verdict {
        self.mark(bytes);
        self.readers[reader].record.connection = Some(self.links[link].connection);
        let mut stream = Cow::Borrowed(bytes);
        if let Some(frames) = &mut self.links[link].frames {
            stream = frames.stream(bytes)?.into();
        }
        let heard = self.readers[reader].receive(self.now, &stream, &self.ledger);
        let reauth = heard.map_err(|error| format!("reader {reader}: {error}"))?;
        // Some clients do not care, and are closed when the token ends.
        let who = &self.readers[reader];
        if let Some(ms) = who.token_ms().filter(|_| reauth && who.persona.renews) {
            let expires_ms = self.server.unix_ms(self.now) + ms;
            let grants = &who.profile.grants;
            self.server
                .renew(self.now, &self.links[link], expires_ms, grants);
        }
        Ok(())
    }

    /// Does what a client wants.
    pub(super) fn grant_wishes(&mut self, reader: usize) -> Verdict {
        while let Some(wish) = self.readers[reader].wish()? {
            match wish {
                Wish::Connect(last_event_id) => {
                    if let Some(link) = self.readers[reader].link.take() {
                        self.drop_link(link);
                    }
                    self.readers[reader].attempt += 1;
                    self.report.requests += 1;
                    let attempt = self.readers[reader].attempt;
                    let mut dice = self.dice("request", reader, attempt);
                    let after = dice.between(0, MOST_DELAY_MS);
                    let request = News::Request {
                        reader,
                        attempt,
                        last_event_id,
                    };
                    // Now and then a request is lost on its way.
                    if self.calm || !dice.chance(3) {
                        self.note(after, request);
                    }
                }
                Wish::Disconnect(error) => self.disconnect(reader, error)?,
            }
        }
        Ok(())
    }

    fn disconnect(&mut self, reader: usize, error: ClientError) -> Verdict {
        self.readers[reader].attempt += 1;
        let Some(link) = self.readers[reader].link.take() else {
            return Ok(());
        };
        ensure!(
            error != ClientError::IdleTimeout || self.links[link].disturbed,
            "reader {reader} heard nothing for too long on a link that is well"
        );
        self.drop_link(link);
        Ok(())
    }
}
