//! The texts of many events as one JavaScript string in the making, so that the events are slices of
//! it.
//!
//! It does not know where one text ends and the next begins.

/// As V8 stores strings: a byte for each character as long as all are below U+0100, else UTF-16.
#[derive(Default)]
pub(crate) struct Text {
    narrow: Vec<u8>,
    wide: Vec<u16>,
    is_wide: bool,
}

/// What the string is made of.
pub(crate) enum Units<'t> {
    Latin1(&'t [u8]),
    Utf16(&'t [u16]),
}

/// How much memory is kept from one chunk to the next.
const KEPT_UNITS: usize = 64 << 10;

impl Text {
    pub(crate) fn clear(&mut self) {
        self.narrow.clear();
        self.narrow.shrink_to(KEPT_UNITS);
        self.wide.clear();
        self.wide.shrink_to(KEPT_UNITS);
        self.is_wide = false;
    }

    /// How many units there are: places in the string are counted in them.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        if self.is_wide {
            self.wide.len()
        } else {
            self.narrow.len()
        }
    }

    pub(crate) fn units(&self) -> Units<'_> {
        if self.is_wide {
            Units::Utf16(&self.wide)
        } else {
            Units::Latin1(&self.narrow)
        }
    }

    /// Appends a text, with U+FFFD for what is not UTF-8.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if !self.is_wide && bytes.is_ascii() {
            self.narrow.extend_from_slice(bytes);
        } else {
            self.push_any(bytes);
        }
    }

    #[inline(never)]
    fn push_any(&mut self, bytes: &[u8]) {
        if let Ok(text) = str::from_utf8(bytes) {
            return self.push_str(text);
        }
        for part in bytes.utf8_chunks() {
            self.push_str(part.valid());
            if !part.invalid().is_empty() {
                self.push_char(char::REPLACEMENT_CHARACTER);
            }
        }
    }

    /// Goes by turns through runs that are ASCII and runs that are not.
    fn push_str(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (run, following) = rest.split_at(ascii_len(rest.as_bytes()));
            if self.is_wide {
                self.wide.extend(run.bytes().map(u16::from));
            } else {
                self.narrow.extend_from_slice(run.as_bytes());
            }
            let mut chars = following.chars();
            rest = following;
            while let Some(next) = chars.next().filter(|next| !next.is_ascii()) {
                self.push_char(next);
                rest = chars.as_str();
            }
        }
    }

    #[inline]
    fn push_char(&mut self, next: char) {
        if !self.is_wide {
            if let Ok(byte) = u8::try_from(next) {
                return self.narrow.push(byte);
            }
            self.widen();
        }
        self.wide.extend_from_slice(next.encode_utf16(&mut [0; 2]));
    }

    #[cold]
    fn widen(&mut self) {
        self.is_wide = true;
        self.wide.extend(self.narrow.iter().copied().map(u16::from));
    }
}

/// How many bytes come before the first that is not ASCII.
fn ascii_len(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let of_words = words.iter().position(|word| !word.is_ascii());
    let (start, tail) = match of_words {
        Some(index) => (index * 8, &words[index][..]),
        None => (words.len() * 8, rest),
    };
    let len = tail.iter().position(|byte| !byte.is_ascii());
    start + len.unwrap_or(tail.len())
}
