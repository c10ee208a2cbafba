//! The codec, through its public face. Here is what its tests share: running a decoder over chunks
//! and writing down what it says.

use tidings_core::{DecodeError, DecodeOptions, Decoder, Item, OwnedEvent};

mod laws;
mod reading;
mod reference;
mod writing;

/// An item that outlives the decoder's next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owned {
    Event(OwnedEvent),
    Retry(u64),
    Comment(Vec<u8>),
    Error(DecodeError),
}

impl From<Item<'_>> for Owned {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Event(event) => Owned::Event(event.into_owned()),
            Item::Retry(ms) => Owned::Retry(ms),
            Item::Comment(text) => Owned::Comment(text.to_owned()),
            _ => unreachable!("no other items exist"),
        }
    }
}

/// Feeds chunks until they or the decoder end. An error is the last of the items.
pub(crate) fn feed<'c>(
    decoder: &mut Decoder,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> Vec<Owned> {
    let mut seen = Vec::new();
    for chunk in chunks {
        let mut input = chunk;
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(item)) => seen.push(item.into()),
                Ok(None) => break,
                Err(error) => {
                    seen.push(Owned::Error(error));
                    return seen;
                }
            }
        }
        assert!(input.is_empty(), "`None` means that the input is used up");
    }
    seen
}

/// Decodes one stream in one piece.
pub(crate) fn decode(stream: &[u8], options: DecodeOptions) -> Vec<Owned> {
    feed(&mut Decoder::new(options), [stream])
}

/// A stream in chunks of these lengths, over and over; one of `usize::MAX` ends after a CR.
pub(crate) fn cut<'s>(stream: &'s [u8], lengths: &[usize]) -> Vec<&'s [u8]> {
    let mut chunks = Vec::new();
    let mut rest = stream;
    for &len in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let len = match len {
            usize::MAX => rest
                .iter()
                .position(|&byte| byte == b'\r')
                .map_or(len, |at| at + 1),
            _ => len,
        };
        let (chunk, following) = rest.split_at(len.min(rest.len()));
        chunks.push(chunk);
        rest = following;
    }
    chunks
}
