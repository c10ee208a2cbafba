//! What goes wrong in a world, and how it is put right at the end.
//!
//! It does not know what follows from it.

use super::link::Path;
use super::news::News;
use super::reader::Pace;
use super::{MOST_DELAY_MS, World};
use crate::verdict::Verdict;

/// How long a planned restart takes to send its streams away.
const DRAIN_MS: u64 = 800;

impl World {
    /// Something goes wrong, and something else will later.
    pub(super) fn go_wrong(&mut self) -> Verdict {
        if self.calm {
            return Ok(());
        }
        let after = self.dice.between(20, 1_500);
        self.note(after, News::Chaos);
        if !self.server.is_up(self.now) {
            return Ok(());
        }
        let reader = self.dice.below(self.readers.len());
        match self.dice.below(100) {
            0..=29 => self.cut(reader)?,
            30..=39 => self.kill_path(reader),
            40..=54 => self.change_pace(reader, Pace::Stopped),
            55..=69 => {
                let bytes = self.dice.between(1, 400) as usize;
                self.change_pace(reader, Pace::Slow(bytes));
            }
            70..=86 => self.change_pace(reader, Pace::Fast),
            87..=90 => self.close(reader),
            91..=93 => self.set_clock(),
            94..=95 => self.server.hub.handle_timeout(self.now),
            96..=97 => self.drain(),
            _ => self.restart(self.now % 2_000)?,
        }
        Ok(())
    }

    /// A stream breaks, at any byte; the server may learn of it later.
    fn cut(&mut self, reader: usize) -> Verdict {
        let Some(link) = self.readers[reader].link.take() else {
            return Ok(());
        };
        self.report.cuts += 1;
        let keep = self.dice.below(self.links[link].in_flight() + 1);
        let bytes = self.links[link].cut(self.now, keep);
        self.hear(reader, link, &bytes)?;
        self.readers[reader].client.handle_end(self.now);
        let after = self.dice.between(0, 4 * MOST_DELAY_MS);
        self.note(after, News::Lost { link });
        self.grant_wishes(reader)
    }

    /// A link goes dead, and neither side knows.
    fn kill_path(&mut self, reader: usize) {
        if let Some(link) = self.readers[reader].link {
            self.links[link].path = Path::Dead;
            self.links[link].disturbed = true;
        }
    }

    fn change_pace(&mut self, reader: usize, pace: Pace) {
        self.readers[reader].pace = pace;
        self.disturb(reader);
    }

    fn disturb(&mut self, reader: usize) {
        if let Some(link) = self.readers[reader].link {
            self.links[link].disturbed = true;
        }
    }

    /// The application closes a stream.
    fn close(&mut self, reader: usize) {
        if let Some(link) = self.readers[reader].link
            && self.links[link].life == self.server.life()
        {
            self.server.hub.close(self.now, self.links[link].connection);
            self.links[link].disturbed = true;
        }
    }

    /// The clock of the server is corrected.
    fn set_clock(&mut self) {
        self.clock_ms = self.clock_ms + self.dice.between(0, 2_000) - 1_000;
        let unix_ms = self.unix_ms();
        self.server.hub.set_unix_ms(self.now, unix_ms);
    }

    /// A planned restart.
    fn drain(&mut self) {
        self.server.hub.drain(self.now, DRAIN_MS);
        let life = self.server.life();
        self.note(2 * DRAIN_MS, News::Restart { life });
        self.disturb_all();
    }

    /// The server loses its memory, and all streams break.
    pub(super) fn restart(&mut self, down_ms: u64) -> Verdict {
        self.disturb_all();
        self.server.restart(self.now, down_ms)?;
        let unix_ms = self.unix_ms();
        self.server.hub.set_unix_ms(self.now, unix_ms);
        for reader in 0..self.readers.len() {
            self.cut(reader)?;
        }
        // Those whose answer is still on its way break too.
        for link in self.links.iter_mut().filter(|link| link.path != Path::Cut) {
            link.cut(self.now, 0);
        }
        Ok(())
    }

    fn disturb_all(&mut self) {
        for reader in 0..self.readers.len() {
            self.disturb(reader);
        }
    }

    /// Every reader reads, every link carries, and what is dead is cut.
    pub(super) fn recover(&mut self) {
        for reader in 0..self.readers.len() {
            self.readers[reader].pace = Pace::Fast;
            self.disturb(reader);
        }
    }
}
