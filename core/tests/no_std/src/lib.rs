//! A program without the standard library that uses the core.
//!
//! It has a panic handler of its own, and a program can have only one: where anything below links
//! the standard library, the compiler refuses this crate (E0152).

#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use core::panic::PanicInfo;
use tidings_core::{
    Audience, Client, ClientOptions, Decoder, Event, Hub, HubOptions, Item, Open, Publish,
};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Publishes to a reader, decodes what it is sent, and counts the events.
pub fn round_trip() -> Option<usize> {
    let mut hub = Hub::new(HubOptions::default()).ok()?;
    let reader = hub.open(0, Open { topics: &["news"], ..Open::default() }).ok()?;
    let event = Event::message("hello");
    hub.publish(0, &Publish::to(Audience::Topic("news"), event)).ok()?;
    let bytes: Vec<u8> = hub.transmit(0, reader)?.slices().flatten().copied().collect();
    hub.consume(0, reader, bytes.len()).ok()?;

    let (mut decoder, mut input, mut events) = (Decoder::default(), &bytes[..], 0);
    while let Some(item) = decoder.decode(&mut input).ok()? {
        events += usize::from(matches!(item, Item::Event(_)));
    }
    let mut client = Client::new(ClientOptions::new(7));
    client.connect(0);
    client.poll_output()?;
    Some(events)
}
