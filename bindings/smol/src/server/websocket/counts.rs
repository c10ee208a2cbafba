//! What is counted of sockets beside what is counted of all streams.
//!
//! It does not know what it is counted for. Labels are the server's own words: no client chooses them.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The types of messages, with those that are none.
const TYPES: [&str; 7] = [
    "subscribe",
    "unsubscribe",
    "publish",
    "token",
    "ping",
    "other",
    "invalid",
];

/// The counters of sockets.
#[derive(Default)]
pub(in crate::server) struct Counts {
    messages: Family<TypeLabel, Counter>,
    errors: Family<CodeLabel, Counter>,
    closed: Family<CloseLabel, Counter>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct TypeLabel {
    r#type: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CloseLabel {
    code: u16,
}

impl Counts {
    pub(in crate::server) fn register(&self, registry: &mut Registry) {
        let help = "Messages that clients sent on sockets, by type; `other` is the application's";
        registry.register("websocket_messages", help, self.messages.clone());
        let help = "Messages on sockets that were answered with an error, by its code";
        registry.register("websocket_errors", help, self.errors.clone());
        let help =
            "Sockets that have closed, by code; 1006 without a frame that says so, 0 another";
        registry.register("websocket_closed", help, self.closed.clone());
        self.begin();
    }

    /// What people look at first is there from the begin, so that its first rise is seen as one.
    fn begin(&self) {
        for r#type in TYPES {
            self.messages.get_or_create(&TypeLabel { r#type }).inc_by(0);
        }
        for code in ["forbidden", "invalid_json", "messages_too_fast"] {
            self.errors.get_or_create(&CodeLabel { code }).inc_by(0);
        }
        for code in [1000, 1001, 1006, 1008] {
            self.closed.get_or_create(&CloseLabel { code }).inc_by(0);
        }
    }

    pub(super) fn message(&self, r#type: &'static str) {
        self.messages.get_or_create(&TypeLabel { r#type }).inc();
    }

    pub(super) fn error(&self, code: &'static str) {
        self.errors.get_or_create(&CodeLabel { code }).inc();
    }

    /// A socket has closed. Codes of a client's own count as one.
    pub(super) fn closed(&self, code: u16) {
        let code = if (1000..=1015).contains(&code) {
            code
        } else {
            0
        };
        self.closed.get_or_create(&CloseLabel { code }).inc();
    }
}
