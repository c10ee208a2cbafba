//! How the standards say that a stream is read, written down step by step: the decoder of UTF-8 of
//! the Encoding standard, then sections 9.2.5 and 9.2.6 of the HTML standard. Slow and plain, and it
//! shares nothing with the core.
//!
//! It does not know chunks, limits or connections: a stream is whole and over. In one thing it goes
//! by the platform tests and not by the text: the id buffer of a stream starts as the last event id.

const REPLACEMENT: char = '\u{fffd}';

/// What a reader may tell an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// An event is dispatched.
    Event {
        /// Its type.
        event: String,
        /// Its data.
        data: String,
        /// The last event id.
        last_event_id: String,
        /// Whether there was an `id` line that counts in the event.
        has_id: bool,
        /// The last `retry` line that counts in the event.
        retry: Option<u64>,
    },
    /// The reconnection time is set.
    Retry(u64),
    /// There was a comment.
    Comment(String),
}

/// What has come of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// All that was told, in order.
    pub seen: Vec<Seen>,
    /// The last event id in the end.
    pub last_event_id: String,
}

/// Reads a stream that begins with this last event id.
#[must_use]
pub fn read(stream: &[u8], last_event_id: &str) -> Reading {
    let text = utf_8_decode(stream);
    let mut buffers = Buffers {
        last_event_id: last_event_id.to_owned(),
        id: last_event_id.to_owned(),
        ..Buffers::default()
    };
    for line in lines(&text) {
        buffers.line(&line);
    }
    Reading {
        seen: buffers.seen,
        last_event_id: buffers.last_event_id,
    }
}

/// "UTF-8 decode": a byte order mark at the start is dropped.
#[must_use]
pub fn utf_8_decode(bytes: &[u8]) -> String {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf_8_decode_without_bom(rest),
        bytes => utf_8_decode_without_bom(bytes),
    }
}

/// "UTF-8 decode without BOM": the decoder of UTF-8, where each error becomes U+FFFD.
#[must_use]
pub fn utf_8_decode_without_bom(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut code_point, mut seen, mut needed) = (0_u32, 0, 0);
    let (mut lower, mut upper) = (0x80_u8, 0xbf_u8);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if needed == 0 {
            match byte {
                0x00..=0x7f => text.push(char::from(byte)),
                0xc2..=0xdf => (needed, code_point) = (1, u32::from(byte & 0x1f)),
                0xe0..=0xef => {
                    if byte == 0xe0 {
                        lower = 0xa0;
                    }
                    if byte == 0xed {
                        upper = 0x9f;
                    }
                    (needed, code_point) = (2, u32::from(byte & 0x0f));
                }
                0xf0..=0xf4 => {
                    if byte == 0xf0 {
                        lower = 0x90;
                    }
                    if byte == 0xf4 {
                        upper = 0x8f;
                    }
                    (needed, code_point) = (3, u32::from(byte & 0x07));
                }
                _ => text.push(REPLACEMENT),
            }
            continue;
        }
        let fits = (lower..=upper).contains(&byte);
        (lower, upper) = (0x80, 0xbf);
        if !fits {
            (code_point, seen, needed) = (0, 0, 0);
            text.push(REPLACEMENT);
            // The byte is looked at once more.
            at -= 1;
            continue;
        }
        code_point = code_point << 6 | u32::from(byte & 0x3f);
        seen += 1;
        if seen == needed {
            text.push(char::from_u32(code_point).unwrap_or(REPLACEMENT));
            (code_point, seen, needed) = (0, 0, 0);
        }
    }
    if needed != 0 {
        text.push(REPLACEMENT);
    }
    text
}

/// The lines of a text, each ended by CRLF, LF or CR. What comes after the last end is none.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                lines.push(std::mem::take(&mut line));
            }
            '\n' => lines.push(std::mem::take(&mut line)),
            other => line.push(other),
        }
    }
    lines
}

#[derive(Default)]
struct Buffers {
    seen: Vec<Seen>,
    last_event_id: String,
    data: String,
    event: String,
    id: String,
    /// Not in the standard: whether the event has an id of its own, and its `retry`.
    has_id: bool,
    retry: Option<u64>,
}

impl Buffers {
    fn line(&mut self, line: &str) {
        let after = |colon: usize| {
            let value = &line[colon + 1..];
            value.strip_prefix(' ').unwrap_or(value)
        };
        match line.find(':') {
            _ if line.is_empty() => self.dispatch(),
            Some(0) => self.seen.push(Seen::Comment(after(0).to_owned())),
            Some(colon) => self.field(&line[..colon], after(colon)),
            None => self.field(line, ""),
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        match name {
            "event" => self.event = value.to_owned(),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => {
                self.id = value.to_owned();
                self.has_id = true;
            }
            "retry" => {
                let only_digits = value.chars().all(|character| character.is_ascii_digit());
                if only_digits && !value.is_empty() {
                    let ms = value.parse().unwrap_or(u64::MAX);
                    self.retry = Some(ms);
                    self.seen.push(Seen::Retry(ms));
                }
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        self.last_event_id = self.id.clone();
        let data = std::mem::take(&mut self.data);
        let event = std::mem::take(&mut self.event);
        let has_id = std::mem::take(&mut self.has_id);
        let retry = self.retry.take();
        let Some(data) = data.strip_suffix('\n') else {
            return;
        };
        self.seen.push(Seen::Event {
            event: match &*event {
                "" => "message".to_owned(),
                event => event.to_owned(),
            },
            data: data.to_owned(),
            last_event_id: self.last_event_id.clone(),
            has_id,
            retry,
        });
    }
}
