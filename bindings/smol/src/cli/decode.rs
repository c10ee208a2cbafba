//! `tidings decode`: an event stream on standard input, JSON on standard output.
//!
//! It does not know where the stream comes from.

use super::fail;
use clap::Args;
use serde::Serialize;
use std::io::{self, BufWriter, Read, Write};
use std::process::ExitCode;
use tidings_smol::tidings_core::{DecodeError, DecodeOptions, Decoder, Item};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Read so many bytes at a time
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 10, value_parser = chunk_size)]
    chunk: usize,
    /// Print comments too, as {"comment":"…"}
    #[arg(long)]
    comments: bool,
    /// Bytes that one event may have
    #[arg(long, value_name = "BYTES", default_value = "8MiB")]
    limit: bytesize::ByteSize,
}

const EXAMPLES: &str = "\
Prints {\"event\",\"data\",\"id\"} for each event, where id is the last event id as the standard
keeps it, and {\"retry\":ms} where the stream sets the reconnection time.

Examples:
  curl -sN https://example.com/stream | tidings decode
  tidings decode --comments < recorded.txt | jq -r .data";

/// A line of output.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Line<'a> {
    Event {
        event: &'a str,
        data: &'a str,
        id: &'a str,
    },
    Retry {
        retry: u64,
    },
    Comment {
        comment: &'a str,
    },
}

impl Line<'_> {
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }
}

fn chunk_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number of at least 1".into()),
        Ok(size) => Ok(size),
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let decoded = decode(arguments, &mut io::stdin().lock(), &mut out);
    match decoded.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

/// What is wrong, in the words of the command line.
fn too_large(error: DecodeError) -> io::Error {
    let error = error.to_string();
    io::Error::other(error.replace("`event_bytes`", "--limit"))
}

fn decode(arguments: &Arguments, input: &mut impl Read, out: &mut impl Write) -> io::Result<()> {
    let event_bytes = usize::try_from(arguments.limit.as_u64()).unwrap_or(usize::MAX);
    let comments = arguments.comments;
    let mut decoder = Decoder::new(DecodeOptions {
        event_bytes,
        comments,
        ..DecodeOptions::default()
    });
    let mut chunk = vec![0; arguments.chunk];
    loop {
        let read = match input.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut rest = &chunk[..read];
        loop {
            let item = decoder.decode(&mut rest);
            let item = item.inspect_err(|_| drop(out.flush()));
            let Some(item) = item.map_err(too_large)? else {
                break;
            };
            match item {
                Item::Event(event) => {
                    let (name, data, id) = (event.event(), event.data(), event.id());
                    Line::Event {
                        event: &name,
                        data: &data,
                        id: &id,
                    }
                    .write(out)?;
                }
                Item::Retry(retry) => Line::Retry { retry }.write(out)?,
                Item::Comment(comment) => {
                    let comment = String::from_utf8_lossy(comment);
                    Line::Comment { comment: &comment }.write(out)?;
                }
                _ => {}
            }
        }
        // What was read is printed before more is waited for.
        out.flush()?;
    }
}
