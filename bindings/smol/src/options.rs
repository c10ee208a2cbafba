//! What the driver can be told beside the options of its hubs.
//!
//! It does not know the reference server's flags, which are made of these.

use socket2::Socket;
use std::io;
use std::time::Duration;
use tidings_core::HubOptions;

/// What hubs are driven with.
#[derive(Clone, Debug)]
pub struct DriverOptions {
    /// The options of each hub. `shard`, `seed` and, where it is 0, `unix_ms_at_zero` are set by
    /// the driver; so is `epoch` where it is 0 or left as it is by default.
    pub hub: HubOptions,
    /// Hubs, each on a thread of its own. Default 1: one thread fills a network, and with it order
    /// needs no lock between threads.
    pub shards: usize,
    /// Batches that are numbered and not yet appended everywhere. A publisher beyond them waits.
    /// Default 64: enough to join the work of many publishers, little enough to be remembered.
    pub publish_queue: usize,
    /// Publishers that may wait for a place in that queue; one more is refused. Default 1,024.
    pub publish_waiters: usize,
    /// How long a publisher waits before it is refused. Default 10 s.
    pub publish_wait: Duration,
    /// What the system keeps for each socket.
    pub socket: SocketOptions,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            hub: HubOptions {
                epoch: 0,
                ..HubOptions::default()
            },
            shards: 1,
            publish_queue: 64,
            publish_waiters: 1_024,
            publish_wait: Duration::from_secs(10),
            socket: SocketOptions::default(),
        }
    }
}

/// What the system keeps for one stream's socket.
#[derive(Clone, Debug)]
pub struct SocketOptions {
    /// Bytes of the send buffer; Linux doubles it. Left alone it grows to almost 4 MB for a reader
    /// that is stuck, unseen by the hub. Default 32 KiB.
    pub send_buffer_bytes: usize,
    /// Bytes not yet sent above which the socket takes no more (Linux). Default 16 KiB.
    pub unsent_bytes: u32,
    /// How long the other side may leave bytes unacknowledged before the system gives it up
    /// (Linux). Set it above the hub's stall time, which ends readers that only stopped reading.
    /// Default 75 s.
    pub user_timeout: Duration,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            send_buffer_bytes: 32 << 10,
            unsent_bytes: 16 << 10,
            user_timeout: Duration::from_secs(75),
        }
    }
}

impl SocketOptions {
    /// Sets them on a socket, which blocks nobody from now on.
    pub(crate) fn set_on(&self, socket: &Socket) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        socket.set_send_buffer_size(self.send_buffer_bytes)?;
        #[cfg(target_vendor = "apple")]
        socket.set_nosigpipe(true)?;
        // A stream may as well come through a local socket, behind a proxy.
        if socket.local_addr()?.as_socket().is_none() {
            return Ok(());
        }
        socket.set_tcp_nodelay(true)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            socket.set_tcp_notsent_lowat(self.unsent_bytes)?;
            socket.set_tcp_user_timeout(Some(self.user_timeout))?;
        }
        Ok(())
    }
}
