//! What the routes share.
//!
//! It does not know the routes.

use crate::config::Config;
use crate::disk::Disk;
use async_channel::Sender;

pub(crate) struct Center {
    pub(crate) disk: Disk,
    pub(crate) config: Config,
    /// Says that there is something in the outbox.
    pub(crate) changed: Sender<()>,
}

impl Center {
    /// There is something in the outbox; where that is said already, it is enough.
    pub(crate) fn tell(&self) {
        let _ = self.changed.try_send(());
    }
}
