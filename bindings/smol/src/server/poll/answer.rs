//! The answer to a poll while it is put together: whole events, and whether it is worth sending.
//!
//! It does not know where the bytes come from, nor the time.

use tidings_core::{ControlOptions, Cursor, DecodeOptions, Decoder, Event, Item};

/// What was taken from a stream so far.
pub(super) struct Answer<'a> {
    control: &'a ControlOptions,
    decoder: Decoder,
    bytes: Vec<u8>,
    /// Where the last whole event ends.
    whole: usize,
    /// Nothing came before.
    opens: bool,
    due: bool,
}

impl<'a> Answer<'a> {
    pub(super) fn new(control: &'a ControlOptions) -> Self {
        Self {
            control,
            // The hub has its own limit.
            decoder: Decoder::new(DecodeOptions {
                event_bytes: usize::MAX,
                ..DecodeOptions::default()
            }),
            bytes: Vec::new(),
            whole: 0,
            opens: true,
            due: false,
        }
    }

    /// Takes in the next bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        // The blank line may have begun before.
        let mut from = self.bytes.len().saturating_sub(1).max(self.whole);
        self.bytes.extend_from_slice(bytes);
        while let Some(at) = find(&self.bytes[from..], b"\n\n") {
            from += at + 2;
            self.take_event(from);
        }
        self.opens = false;
    }

    /// Takes the event that ends here.
    fn take_event(&mut self, end: usize) {
        let mut input = &self.bytes[self.whole..end];
        // It has no limit that it could exceed.
        while let Ok(Some(item)) = self.decoder.decode(&mut input) {
            if let Item::Event(event) = item {
                self.due |= is_due(self.control, self.opens, &event);
            }
        }
        self.whole = end;
    }

    /// Whether it has something that the client waits for, and where to go on after it.
    pub(super) fn is_due(&self) -> bool {
        self.due && self.has_cursor()
    }

    fn has_cursor(&self) -> bool {
        !self.decoder.last_event_id_bytes().is_empty()
    }

    /// Nothing follows before this position.
    pub(super) fn stand_at(&mut self, cursor: Cursor) {
        let id = cursor.to_string();
        if self.decoder.last_event_id_bytes() != id.as_bytes() {
            self.bytes.truncate(self.whole);
            // Without data it is no event; whoever reads it has the id all the same.
            self.bytes
                .extend_from_slice(format!("id: {id}\n\n").as_bytes());
            self.take_event(self.bytes.len());
        }
    }

    /// The whole events, unless they do not say where to go on.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        self.bytes.truncate(self.whole);
        self.has_cursor().then_some(self.bytes)
    }
}

/// Whether a client wants to hear of this at once. What says only that the stream is open or alive can
/// wait; so can the end of a token that was near when the poll began, or all polls until then would be
/// answered at once.
fn is_due(control: &ControlOptions, opens: bool, event: &Event<'_>) -> bool {
    let name = event.event_bytes();
    let is = |control: &str| control.as_bytes() == name;
    let waits = is(&control.connected.name)
        || is(&control.heartbeat.name)
        || opens && is(&control.reauth.name);
    !waits
}

fn find(bytes: &[u8], what: &[u8; 2]) -> Option<usize> {
    bytes.windows(2).position(|two| two == what)
}
