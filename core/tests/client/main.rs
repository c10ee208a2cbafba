//! The client, through its public face, in virtual time. Here is what its tests share: a client in
//! each state, and its outputs written down.

use tidings_core::{Client, ClientOptions, ClientOutput, ClientState, Response};

mod delays;
mod laws;
mod responses;
mod states;
mod world;

const OK: Response<'static> = Response::new(200).with_content_type(b"text/event-stream");

/// Everything the client wants done.
fn drain(client: &mut Client) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(output) = client.poll_output() {
        lines.push(line(&output));
    }
    lines
}

fn line(output: &ClientOutput<'_>) -> String {
    match output {
        ClientOutput::Connect { last_event_id } => match last_event_id {
            Some(id) => format!("connect after {id}"),
            None => "connect".to_owned(),
        },
        ClientOutput::Open => "open".to_owned(),
        ClientOutput::Disconnect(error) => format!("disconnect: {error:?}"),
        ClientOutput::Failed(error) => format!("failed: {error:?}"),
        other => panic!("an unknown output: {other:?}"),
    }
}

/// Feeds bytes and gives the data of the events that come out.
fn data(client: &mut Client, now: u64, bytes: &[u8]) -> Vec<String> {
    let mut input = bytes;
    let mut events = Vec::new();
    while let Some(event) = client.handle_data(now, &mut input) {
        events.push(event.data().into_owned());
    }
    events
}

/// A client that came into this state at time 0, with nothing left to poll.
fn client_in(state: ClientState, options: ClientOptions) -> Client {
    let mut client = Client::new(options);
    if state != ClientState::Idle {
        client.connect(0);
    }
    drain(&mut client);
    match state {
        ClientState::Idle | ClientState::Connecting => {}
        ClientState::Connected => client.handle_response(0, OK),
        ClientState::Reconnecting => client.handle_error(0),
        ClientState::Failed => client.handle_response(0, Response::new(404)),
        ClientState::Closed => client.close(),
    }
    drain(&mut client);
    assert_eq!(client.state(), state);
    client
}
