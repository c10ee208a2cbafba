//! A server in the process of the test, whose hub is at hand, with TLS where it is asked for.
//!
//! It does not know what is asked of it.

use super::wait::{PATIENCE, block_on, eventually};
use futures::channel::oneshot;
use futures_rustls::rustls::pki_types::CertificateDer;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;
use tidings_smol::server::{Server, ServerOptions, Tls, TlsOptions};
use tidings_smol::{Audience, CloseReason, Event, Hub, Publish, Stats};

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) hub: Hub,
    pub(crate) tls: Option<Tls>,
    pub(crate) files: Option<CertificateFiles>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Site {
    pub(crate) fn start(secure: bool, change: impl FnOnce(&mut ServerOptions)) -> Self {
        let files = secure.then(CertificateFiles::new);
        let mut options = ServerOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: files.as_ref().map(CertificateFiles::options),
            ..ServerOptions::default()
        };
        change(&mut options);
        let server = Server::bind(options).expect("it listens");
        let (address, hub) = (server.address(), server.hub().clone());
        let tls = server.tls().cloned();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            server.run(async {
                // Dropped, it stops too.
                let _ = stopped.await;
            })
        };
        Self {
            address,
            hub,
            tls,
            files,
            stop: Some(stop),
            thread: Some(std::thread::spawn(run)),
        }
    }

    /// Publishes a text to a topic.
    pub(crate) async fn say(&self, topic: &str, data: &str) {
        let event = Publish::to(Audience::Topic(topic), Event::message(data));
        self.hub.publish(&event).await.expect("it is published");
    }

    pub(crate) fn stats(&self) -> Stats {
        block_on(self.hub.stats()).expect("the driver runs")
    }

    /// Waits until so many streams are open.
    pub(crate) fn wait_for_connections(&self, count: usize) {
        eventually(&format!("{count} streams are open"), || {
            let stats = self.stats();
            let done = stats.connections == count;
            done.then_some(()).ok_or(format!("{stats:?}"))
        });
    }

    /// Waits until so many streams were closed for this reason.
    pub(crate) fn wait_for_closed(&self, reason: CloseReason, count: u64) {
        eventually(&format!("{count} streams are closed"), || {
            let stats = self.stats();
            let done = stats.closed(reason) == count;
            done.then_some(()).ok_or(format!("{stats:?}"))
        });
    }

    /// Begins to stop it.
    pub(crate) fn begin_to_stop(&mut self) {
        self.stop = None;
    }

    /// Waits until it has stopped.
    pub(crate) fn wait_for_stop(&mut self) {
        let thread = self.thread.take().expect("it is waited for once");
        let start = Instant::now();
        eventually("it stops", || {
            thread.is_finished().then_some(()).ok_or("it runs")
        });
        assert!(start.elapsed() < PATIENCE);
        thread.join().expect("no panic").expect("it ends well");
    }
}

/// A certificate of its own for `localhost`, with its key, as files.
pub(crate) struct CertificateFiles {
    directory: PathBuf,
    pub(crate) certificate: CertificateDer<'static>,
}

impl CertificateFiles {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tidings-test-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a directory can be made");
        let certificate = write_certificate(&directory);
        Self {
            directory,
            certificate,
        }
    }

    /// Puts another certificate and key in place of these.
    pub(crate) fn renew(&mut self) {
        self.certificate = write_certificate(&self.directory);
    }

    pub(crate) fn options(&self) -> TlsOptions {
        TlsOptions {
            cert: self.directory.join("cert.pem"),
            key: self.directory.join("key.pem"),
        }
    }
}

fn write_certificate(directory: &Path) -> CertificateDer<'static> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(names).expect("a certificate can be made");
    std::fs::write(directory.join("cert.pem"), cert.pem()).expect("it can be written");
    let key = signing_key.serialize_pem();
    std::fs::write(directory.join("key.pem"), key).expect("it can be written");
    cert.der().clone()
}

impl Drop for CertificateFiles {
    fn drop(&mut self) {
        // What is left is in a directory for what may be left.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
