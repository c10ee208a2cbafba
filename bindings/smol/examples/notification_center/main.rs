//! Notifications that are the same in every tab, whatever happens to the network and the server.
//!
//! `cargo run --release --example notification_center`, then open <http://127.0.0.1:8080/>

mod api;
mod center;
mod config;
mod disk;
mod session;
mod store;

use center::Center;
use config::Config;
use disk::Disk;
use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;
use store::{Posted, Store};
use tidings_smol::server::{
    AuthOptions, ForwardOptions, LogOptions, Server, ServerOptions, shutdown,
};
use tidings_smol::{Audience, DriverOptions, Event, Hub, HubOptions, NotPublished, Publish};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next();
    let listen = listen.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let config: Config = match arguments.next() {
        Some(file) => serde_json::from_slice(&fs::read(file)?)?,
        None => Config::default(),
    };
    let disk = Disk::start(Store::open(&config.database)?)?;
    let _log = LogOptions::default().start()?;
    let server = Server::bind(options(listen, &config))?;
    let (changed, changes) = async_channel::bounded(1);
    smol::spawn(tell(server.hub().clone(), disk.clone(), changes)).detach();
    let app = api::app(Center {
        disk,
        config,
        changed,
    });
    println!("Open http://{listen}/ as ada, ben or cleo, in as many tabs as you like");
    server.run_with(app, shutdown()?)?;
    Ok(())
}

/// Who opens a stream is known by the session of the application, which the server asks about.
fn options(listen: SocketAddr, config: &Config) -> ServerOptions {
    let mut hub = HubOptions::default();
    hub.deadlines.heartbeat_ms = Some(config.heartbeat_interval);
    hub.deadlines.idle_ms = Some(config.idle_timeout);
    ServerOptions {
        listen,
        auth: Some(AuthOptions {
            forward: Some(ForwardOptions {
                url: format!("http://{listen}{}", session::WHOAMI),
                ..ForwardOptions::default()
            }),
            ..AuthOptions::default()
        }),
        driver: DriverOptions {
            hub,
            ..DriverOptions::default()
        },
        ..ServerOptions::default()
    }
}

/// Publishes what is in the outbox, now and whenever something has changed.
async fn tell(hub: Hub, disk: Disk, changes: async_channel::Receiver<()>) {
    loop {
        match publish_waiting(&hub, &disk).await {
            Ok(0) if changes.recv().await.is_err() => return,
            Ok(_) => {}
            Err(Stop) => return,
        }
    }
}

struct Stop;

/// Publishes the first events of the outbox, and says how many there were.
async fn publish_waiting(hub: &Hub, disk: &Disk) -> Result<usize, Stop> {
    let waiting = disk.ask(Store::waiting).await.map_err(|_| Stop)?;
    for (_, Posted { user, event, data }) in &waiting {
        let data = data.to_string();
        let event = Event::message(&data).with_event(event).map_err(|_| Stop)?;
        let publish = Publish::to(Audience::User(user), event);
        while let Err(refused) = hub.publish(&publish).await {
            if refused != NotPublished::Busy {
                return Err(Stop);
            }
            smol::Timer::after(Duration::from_millis(100)).await;
        }
    }
    if let Some((last, _)) = waiting.last() {
        let last = *last;
        disk.ask(move |store| store.published(last))
            .await
            .map_err(|_| Stop)?;
    }
    Ok(waiting.len())
}
