//! The standard's event stream parser, sections 9.2.5 and 9.2.6, written down step by step: slow,
//! for a whole stream that has already been decoded as UTF-8.
//!
//! It does not know chunks. In one thing it goes by the platform tests, not the text: a stream's
//! last event id buffer starts as the last event id.

/// What a reader may observe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Event {
        last_event_id: String,
        has_id: bool,
        event: String,
        data: String,
        retry: Option<u64>,
    },
    Retry(u64),
    Comment(String),
    /// An event or a comment is larger than the limit; the byte at this offset does not fit. True
    /// only for ASCII, where a character is a byte.
    TooLarge {
        offset: usize,
    },
}

#[derive(Default)]
pub(crate) struct Reference {
    pub(crate) seen: Vec<Seen>,
    pub(crate) last_event_id: String,
    limit: usize,
    used: usize,
    data_buffer: String,
    event_type_buffer: String,
    last_event_id_buffer: String,
    has_id: bool,
    retry: Option<u64>,
}

/// Reads a whole stream.
pub(crate) fn read(stream: &[u8], limit: usize) -> Reference {
    let decoded = String::from_utf8_lossy(stream);
    let text = decoded.strip_prefix('\u{feff}').unwrap_or(&decoded);
    let mut reference = Reference {
        limit,
        ..Reference::default()
    };
    let mut at = 0;
    while let Some(len) = text[at..].find(['\r', '\n']) {
        let line = &text[at..at + len];
        if reference.line(line, at).is_none() {
            break;
        }
        at += len;
        at += if text[at..].starts_with("\r\n") { 2 } else { 1 };
    }
    if !matches!(reference.seen.last(), Some(Seen::TooLarge { .. })) {
        let _ = reference.unfinished(&text[at..], at);
    }
    reference
}

impl Reference {
    /// `None` when the limit is exceeded.
    fn line(&mut self, line: &str, at: usize) -> Option<()> {
        if line.is_empty() {
            self.dispatch();
        } else if let Some(comment) = line.strip_prefix(':') {
            let text = comment.strip_prefix(' ').unwrap_or(comment);
            self.comment(text, at + line.len() - text.len())?;
            self.seen.push(Seen::Comment(text.to_owned()));
        } else if let Some((name, value)) = line.split_once(':') {
            let value = value.strip_prefix(' ').unwrap_or(value);
            self.field(name, value, at + line.len() - value.len())?;
        } else {
            self.field(line, "", at + line.len())?;
        }
        Some(())
    }

    fn field(&mut self, name: &str, value: &str, at: usize) -> Option<()> {
        match name {
            "event" => {
                self.count(value.len(), at)?;
                self.event_type_buffer = value.to_owned();
            }
            "data" => {
                if !self.data_buffer.is_empty() {
                    self.count(1, at)?;
                }
                self.count(value.len(), at)?;
                self.data_buffer.push_str(value);
                self.data_buffer.push('\n');
            }
            "id" => {
                self.count(value.find('\0').unwrap_or(value.len()), at)?;
                if !value.contains('\0') {
                    self.last_event_id_buffer = value.to_owned();
                    self.has_id = true;
                }
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let ms = value.parse().unwrap_or(u64::MAX);
                self.retry = Some(ms);
                self.seen.push(Seen::Retry(ms));
            }
            _ => {}
        }
        Some(())
    }

    fn dispatch(&mut self) {
        self.used = 0;
        let retry = self.retry.take();
        let has_id = std::mem::take(&mut self.has_id);
        let mut data = std::mem::take(&mut self.data_buffer);
        let event = std::mem::take(&mut self.event_type_buffer);
        self.last_event_id = self.last_event_id_buffer.clone();
        if data.is_empty() {
            return;
        }
        assert_eq!(data.pop(), Some('\n'));
        self.seen.push(Seen::Event {
            last_event_id: self.last_event_id.clone(),
            has_id,
            event: match event.as_str() {
                "" => "message".to_owned(),
                _ => event,
            },
            data,
            retry,
        });
    }

    fn count(&mut self, len: usize, at: usize) -> Option<()> {
        if len > self.limit - self.used {
            let offset = at + self.limit - self.used;
            self.seen.push(Seen::TooLarge { offset });
            return None;
        }
        self.used += len;
        Some(())
    }

    fn comment(&mut self, text: &str, at: usize) -> Option<()> {
        if text.len() > self.limit {
            let offset = at + self.limit;
            self.seen.push(Seen::TooLarge { offset });
            return None;
        }
        Some(())
    }

    /// A line that never ends means nothing, but may be found too large.
    fn unfinished(&mut self, line: &str, at: usize) -> Option<()> {
        let (name, value) = line.split_once(':')?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        let start = at + line.len() - value.len();
        match name {
            // A space may follow, which is no part of the value.
            _ if line.ends_with(':') && value.is_empty() => Some(()),
            "" => self.comment(value, start),
            "data" if !self.data_buffer.is_empty() => {
                self.count(1, start)?;
                self.count(value.len(), start)
            }
            "data" | "event" => self.count(value.len(), start),
            "id" => self.count(value.find('\0').unwrap_or(value.len()), start),
            _ => Some(()),
        }
    }
}
