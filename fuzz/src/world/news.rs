//! What happens next in a world, and what it leads to.
//!
//! It does not know what goes wrong; `chaos` sees to that.

use super::link::{Link, Path};
use super::reader::{Pace, Wish};
use super::{MOST_DELAY_MS, World};
use crate::mail::Mail;
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use tidings_core::{ClientError, LagPolicy, Open, PublishError, Published};

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
    /// A publisher sends.
    Publish { publisher: usize },
    /// A planned restart comes to its end.
    Restart { life: u64 },
    /// Something goes wrong.
    Chaos,
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
                self.request(reader, attempt, &last_event_id);
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
            News::Publish { publisher } => self.publish(publisher),
            News::Restart { life } => {
                if self.server.life() == life {
                    self.restart(1_000)?;
                }
                Ok(())
            }
            News::Chaos => self.go_wrong(),
        }
    }

    /// A stream is asked for.
    fn request(&mut self, reader: usize, attempt: u64, last_event_id: &str) {
        let delay_ms = self.dice.between(0, MOST_DELAY_MS);
        let answer = if self.server.is_up(self.now) {
            self.open(reader, last_event_id).map_err(Some)
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

    fn open(&mut self, reader: usize, last_event_id: &str) -> Result<usize, u16> {
        let number = self.links.len();
        let who = &self.readers[reader];
        let unix_ms = self.unix_ms();
        let policy = |closes| {
            if closes {
                LagPolicy::Close
            } else {
                LagPolicy::Gap
            }
        };
        let open = Open {
            user: who.profile.user,
            tab: who.tab,
            topics: &who.profile.topics,
            grants: &who.profile.grants,
            last_event_id: Some(last_event_id),
            expires_ms: who.token_ms.map(|ms| unix_ms + ms),
            lag: who.lag_closes.map(policy),
            comment_heartbeats: who.comments,
            preamble: b"",
        };
        let connection = self.server.open(self.now, number, open)?;
        let capacity = self.dice.between(150, 5_000) as usize;
        let delay_ms = self.dice.between(0, MOST_DELAY_MS);
        let life = self.server.life();
        self.links
            .push(Link::new(life, connection, capacity, delay_ms));
        let record = &mut self.readers[reader].record;
        record.connections.insert(connection);
        record.doubtful |= self.ledger.is_doubtful(last_event_id);
        Ok(number)
    }

    /// The Unix time by the clock of the server.
    pub(super) fn unix_ms(&self) -> u64 {
        self.clock_ms + self.now
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
            if !bytes.is_empty() && self.links[link].life == self.server.life() {
                self.server.hub.handle_writable(self.links[link].connection);
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
        let heard = self.readers[reader].receive(self.now, bytes, &self.ledger);
        let reauth = heard.map_err(|error| format!("reader {reader}: {error}"))?;
        // Some clients do not care, and are closed when the token ends.
        if reauth && self.dice.chance(80) && self.links[link].life == self.server.life() {
            let who = &self.readers[reader];
            let expires_ms = who.token_ms.map(|ms| self.unix_ms() + ms);
            let connection = self.links[link].connection;
            // It may have ended while the client was asking.
            let _ = self
                .server
                .hub
                .renew(self.now, connection, expires_ms, &who.profile.grants);
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
                    let after = self.dice.between(0, MOST_DELAY_MS);
                    let request = News::Request {
                        reader,
                        attempt,
                        last_event_id,
                    };
                    // Now and then a request is lost on its way.
                    if self.calm || !self.dice.chance(3) {
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

    /// A publisher sends what it has to say, and may or may not be answered.
    fn publish(&mut self, publisher: usize) -> Verdict {
        if !self.calm {
            let after = match self.dice.below(10) {
                0 => self.dice.between(500, 5_000),
                1..=4 => self.dice.between(0, 10),
                _ => self.dice.between(10, 300),
            };
            self.note(after, News::Publish { publisher });
        } else if self.publishers[publisher].pending.is_empty() {
            return Ok(());
        }
        if !self.server.is_up(self.now) {
            return Ok(());
        }
        let life = self.server.life();
        let links = self.links.iter().filter(|link| link.life == life);
        let connections: Vec<_> = links.map(|link| link.connection).collect();
        let mails = self.publishers[publisher].mails(publisher, &mut self.dice, &connections);
        let outcome = self.server.publish(self.now, &mails, &mut self.links)?;
        let published = match outcome {
            Ok(published) => published,
            Err(PublishError::Draining) => return Ok(()),
            Err(error) => return Err(format!("{error}, publishing {mails:?}")),
        };
        self.enter(&mails, &published)?;
        if self.calm || self.dice.chance(70) {
            self.publishers[publisher].pending.clear();
        }
        Ok(())
    }

    /// Enters into the ledger what is new, and checks what was known.
    fn enter(&mut self, mails: &[Mail], published: &[Published]) -> Verdict {
        ensure_eq!(mails.len(), published.len(), "answers to publishes");
        for (mail, answer) in mails.iter().zip(published) {
            if answer.duplicate {
                self.report.duplicates += 1;
                let first = self
                    .ledger
                    .mail(answer.cursor)
                    .and_then(|first| first.id.as_ref());
                ensure_eq!(first, mail.id.as_ref(), "what is known already");
            } else {
                self.report.published += 1;
                let latest = self.server.is_latest(mail);
                self.ledger.add(answer.cursor, mail, latest);
            }
        }
        Ok(())
    }
}
