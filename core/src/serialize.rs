//! What `serde` makes of events, cursors and connection ids, where it is not what a derive makes.
//!
//! It does not know any format. Options say for themselves how they are read.

use crate::{ConnectionId, ControlEvent, ControlOptions, Cursor, Event, EventError, OwnedEvent};
use alloc::borrow::Cow;
use alloc::string::String;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

/// Types that are their text.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

as_text!(ConnectionId, Cursor);

/// An event as an object. What it does not have is left out; the id is there if it is its own.
#[derive(Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<u64>,
}

impl Parts<'_> {
    fn build(&self) -> Result<Event<'_>, EventError> {
        let mut event = Event::new();
        if let Some(id) = &self.id {
            event = event.with_id(id)?;
        }
        if let Some(name) = &self.event {
            event = event.with_event(name)?;
        }
        if let Some(data) = &self.data {
            event = event.with_data(data);
        }
        Ok(self.retry.map_or(event, |ms| event.with_retry(ms)))
    }
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = Parts {
            id: self.has_id().then(|| self.id()),
            event: (!self.event.is_empty()).then(|| self.event()),
            data: self.has_data().then(|| self.data()),
            retry: self.retry(),
        };
        parts.serialize(serializer)
    }
}

impl Serialize for OwnedEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_event().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OwnedEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = Parts::deserialize(deserializer)?;
        let event = parts.build().map_err(D::Error::custom)?;
        Ok(event.into_owned())
    }
}

/// Control events as a configuration names them: each keeps what is not said of it.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ControlChanges {
    connected: Change,
    heartbeat: Change,
    gap: Change,
    reauth: Change,
    bye: Change,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Change {
    name: Option<String>,
    enabled: Option<bool>,
    json: Option<String>,
}

impl From<ControlChanges> for ControlOptions {
    fn from(changes: ControlChanges) -> Self {
        let mut options = Self::default();
        changes.connected.apply(&mut options.connected);
        changes.heartbeat.apply(&mut options.heartbeat);
        changes.gap.apply(&mut options.gap);
        changes.reauth.apply(&mut options.reauth);
        changes.bye.apply(&mut options.bye);
        options
    }
}

impl Change {
    fn apply(self, event: &mut ControlEvent) {
        if let Some(name) = self.name {
            event.name = name;
        }
        event.enabled = self.enabled.unwrap_or(event.enabled);
        event.json = self.json;
    }
}
