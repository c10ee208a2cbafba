//! The few forms of JSON that the hub writes, as things that can be displayed.
//!
//! It does not know the events.

use alloc::string::String;
use core::fmt::{self, Display, Write as _};

/// A text as a JSON string. Line breaks are escaped, as JSON asks, so that it is one line.
pub(crate) struct JsonString<'a>(pub(crate) &'a str);

/// Something whose text needs no escapes, as a JSON string.
pub(crate) struct Quoted<T>(pub(crate) T);

/// A value, or `null`.
pub(crate) struct OrNull<T>(pub(crate) Option<T>);

/// A list of texts, as a JSON array of strings.
pub(crate) struct JsonStrings<I>(pub(crate) I);

/// Names, which need no escapes, and their values as JSON.
pub(crate) type Fields<'a> = &'a [(&'a str, &'a dyn Display)];

/// Room for most objects, so that one is made in one piece.
const OBJECT_BYTES: usize = 128;

impl Display for JsonString<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut rest = self.0;
        while let Some(at) = rest.bytes().position(needs_escape) {
            f.write_str(&rest[..at])?;
            match rest.as_bytes()[at] {
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                b'\t' => f.write_str("\\t")?,
                0x08 => f.write_str("\\b")?,
                0x0c => f.write_str("\\f")?,
                control if control < b' ' => write!(f, "\\u{control:04x}")?,
                mark => write!(f, "\\{}", char::from(mark))?,
            }
            rest = &rest[at + 1..];
        }
        f.write_str(rest)?;
        f.write_char('"')
    }
}

/// What RFC 8259, section 7, does not let stand in a string; all of it is ASCII.
const fn needs_escape(byte: u8) -> bool {
    matches!(byte, 0..b' ' | b'"' | b'\\')
}

impl<T: Display> Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl<T: Display> Display for OrNull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("null"),
        }
    }
}

impl<'a, I: Iterator<Item = &'a str> + Clone> Display for JsonStrings<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        for (place, text) in self.0.clone().enumerate() {
            let separator = if place == 0 { "" } else { "," };
            write!(f, "{separator}{}", JsonString(text))?;
        }
        f.write_char(']')
    }
}

/// Fields, of which there is at least one, as a JSON object.
pub(crate) fn object(fields: Fields<'_>) -> String {
    let mut json = String::with_capacity(OBJECT_BYTES);
    for (place, (name, value)) in fields.iter().enumerate() {
        json.push_str(if place == 0 { "{\"" } else { ",\"" });
        json.push_str(name);
        json.push_str("\":");
        push(&mut json, *value);
    }
    json.push('}');
    json
}

/// JSON in which the name of a field in braces stands for its value. Other braces are what they are.
pub(crate) fn fill(template: &str, fields: Fields<'_>) -> String {
    let mut json = String::with_capacity(template.len().max(OBJECT_BYTES));
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        json.push_str(before);
        let named = after.split_once('}').and_then(|(name, after)| {
            let mut fields = fields.iter();
            let (_, value) = fields.find(|(field, _)| *field == name)?;
            Some((value, after))
        });
        rest = match named {
            Some((value, after)) => {
                push(&mut json, *value);
                after
            }
            None => {
                json.push('{');
                after
            }
        };
    }
    json.push_str(rest);
    json
}

fn push(json: &mut String, value: &dyn Display) {
    let written = write!(json, "{value}");
    debug_assert!(written.is_ok(), "there is always room in a string");
}
