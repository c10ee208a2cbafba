//! What is done in a world, and how it is all put right at the end.
//!
//! It does not know what follows from it.

use super::link::Path;
use super::news::News;
use super::reader::Pace;
use super::story::Deed;
use super::{MOST_DELAY_MS, World};
use crate::verdict::Verdict;

/// No deed takes this long, so that all of it is over before the end.
const MOST_MS: u64 = 5_000;

/// The longest that a planned restart takes to send its streams away.
const MOST_DRAIN_MS: u64 = 1_000;

/// How long the server is down after a planned restart.
const DOWN_MS: u64 = 1_000;

impl Deed {
    /// How long it takes.
    pub(super) fn wait_ms(&self) -> u32 {
        match self {
            Self::Wait { ms } => time(*ms) as u32,
            _ => 0,
        }
    }
}

impl World {
    pub(super) fn act(&mut self, deed: &Deed) -> Verdict {
        match deed {
            Deed::Wait { ms } => self.pass(time(*ms)),
            Deed::Publish {
                publisher,
                notes,
                unheard,
            } => self.publish(usize::from(*publisher), notes, *unheard),
            deed if self.readers.is_empty() => self.act_on_server(deed),
            Deed::Cut {
                reader,
                keep,
                told_ms,
            } => self.cut(self.reader(*reader), *keep, time(*told_ms)),
            Deed::Leave { reader, ms } => self.leave(self.reader(*reader), time(*ms)),
            Deed::Deafen { reader } => {
                self.on_link(*reader, |link| link.path = Path::Dead);
                Ok(())
            }
            Deed::ReadFast { reader } => {
                self.change_pace(*reader, Pace::Fast);
                Ok(())
            }
            Deed::ReadSlowly { reader, bytes } => {
                self.change_pace(*reader, Pace::Slow(usize::from(*bytes) * 2 + 1));
                Ok(())
            }
            Deed::StopReading { reader } => {
                self.change_pace(*reader, Pace::Stopped);
                Ok(())
            }
            Deed::Delay { reader, ms } => {
                let delay_ms = u64::from(*ms) % MOST_DELAY_MS;
                self.on_link(*reader, |link| link.set_delay_ms(delay_ms));
                Ok(())
            }
            Deed::Close { reader } => {
                self.close(self.reader(*reader));
                Ok(())
            }
            _ => self.act_on_server(deed),
        }
    }

    fn act_on_server(&mut self, deed: &Deed) -> Verdict {
        if !self.server.is_up(self.now) {
            return Ok(());
        }
        match deed {
            Deed::SetClock { by_ms } => self.server.set_clock(self.now, i64::from(*by_ms)),
            Deed::Wake { shard } => self.server.wake(self.now, usize::from(*shard)),
            Deed::Hold { shard, ms } => {
                self.server.hold(usize::from(*shard), self.now + time(*ms));
                self.disturb_all();
            }
            Deed::Drain { ms } => self.drain(u64::from(*ms) * MOST_DRAIN_MS / 256),
            Deed::Crash { ms } => self.restart(time(*ms))?,
            _ => {}
        }
        Ok(())
    }

    pub(super) fn reader(&self, number: u8) -> usize {
        usize::from(number) % self.readers.len()
    }

    /// A stream breaks, at any byte; the server may learn of it later.
    fn cut(&mut self, reader: usize, keep: u8, told_ms: u64) -> Verdict {
        let Some(link) = self.readers[reader].link.take() else {
            return Ok(());
        };
        self.report.cuts += 1;
        let keep = self.links[link].in_flight() * usize::from(keep) / 255;
        let bytes = self.links[link].cut(self.now, keep);
        self.hear(reader, link, &bytes)?;
        self.readers[reader].client.handle_end(self.now);
        self.note(told_ms, News::Lost { link });
        self.grant_wishes(reader)
    }

    /// A reader is switched off, and on again.
    fn leave(&mut self, reader: usize, ms: u64) -> Verdict {
        self.readers[reader].client.close();
        self.readers[reader].attempt += 1;
        self.note(ms, News::Start { reader });
        self.grant_wishes(reader)
    }

    fn on_link(&mut self, reader: u8, change: impl FnOnce(&mut super::Link)) {
        if let Some(link) = self.readers[self.reader(reader)].link {
            self.links[link].disturbed = true;
            change(&mut self.links[link]);
        }
    }

    fn change_pace(&mut self, reader: u8, pace: Pace) {
        let number = self.reader(reader);
        self.readers[number].pace = pace;
        self.on_link(reader, |_| {});
    }

    /// The application closes a stream.
    fn close(&mut self, reader: usize) {
        if let Some(link) = self.readers[reader].link {
            self.server.close(self.now, &self.links[link]);
            self.links[link].disturbed = true;
        }
    }

    /// A planned restart.
    fn drain(&mut self, ms: u64) {
        self.server.drain(ms);
        let life = self.server.life();
        self.note(2 * MOST_DRAIN_MS, News::Restart { life });
        self.disturb_all();
    }

    /// A planned restart comes to its end, unless another came first.
    pub(super) fn end_drain(&mut self, life: u64) -> Verdict {
        if self.server.life() == life {
            self.restart(DOWN_MS)?;
        }
        Ok(())
    }

    /// The server loses its memory, and all streams break.
    fn restart(&mut self, down_ms: u64) -> Verdict {
        self.disturb_all();
        self.server.restart(self.now, down_ms)?;
        for reader in 0..self.readers.len() {
            self.cut(reader, 128, 0)?;
        }
        // Those whose answer is still on its way break too.
        for link in self.links.iter_mut().filter(|link| link.path != Path::Cut) {
            link.cut(self.now, 0);
        }
        Ok(())
    }

    fn disturb_all(&mut self) {
        for reader in &self.readers {
            if let Some(link) = reader.link {
                self.links[link].disturbed = true;
            }
        }
    }

    /// Every reader reads, what has no answer is sent again, and nothing holds a driver.
    pub(super) fn recover(&mut self) {
        self.disturb_all();
        for reader in &mut self.readers {
            reader.pace = Pace::Fast;
        }
        self.server.release(self.now);
        for publisher in 0..self.publishers.len() {
            self.note(0, News::Repeat { publisher });
        }
    }
}

fn time(ms: u16) -> u64 {
    u64::from(ms) % MOST_MS
}
