//! Streams inside a hyper service of your own.
//!
//! `cargo run --example own_service`, then `curl -N http://127.0.0.1:8081/clock`

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use smol::{Async, Timer};
use std::error::Error;
use std::net::TcpListener;
use std::time::Duration;
use tidings_smol::{
    Answer, Audience, DriverOptions, Event, HttpOptions, Hub, Publish, StreamOptions,
    serve_connection,
};

fn main() -> Result<(), Box<dyn Error>> {
    let hub = Hub::start(DriverOptions::default())?;
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 8081))?;
    smol::spawn(tick(hub.clone())).detach();
    smol::block_on(async {
        loop {
            let (socket, _) = listener.accept().await?;
            let hub = hub.clone();
            let service = move |request| answer(hub.clone(), request);
            smol::spawn(serve_connection(socket, HttpOptions::default(), service)).detach();
        }
    })
}

/// Your routes: whatever answers with a stream hands its connection to the hub.
async fn answer(hub: Hub, request: Request<Incoming>) -> Answer<Full<Bytes>> {
    if request.uri().path() != "/clock" {
        return Answer::Response(Response::new(Full::from("try /clock\n")));
    }
    let options = StreamOptions {
        topics: vec!["clock".to_owned()],
        ..StreamOptions::for_request(&request)
    };
    match hub.open(options).await {
        Ok(stream) => Answer::Stream(stream),
        Err(refused) => {
            let mut response = Response::new(Full::from(refused.to_string()));
            *response.status_mut() = refused.status();
            Answer::Response(response)
        }
    }
}

async fn tick(hub: Hub) {
    for second in 0_u64.. {
        let data = second.to_string();
        let tick = Publish::to(Audience::Topic("clock"), Event::message(&data));
        if hub.publish(&tick).await.is_err() {
            return;
        }
        Timer::after(Duration::from_secs(1)).await;
    }
}
