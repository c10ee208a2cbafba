//! Owns the shape of lines: where they end, which field one is, where its value begins.
//!
//! It does not know events, nor what a value may be.

use memchr::memchr2;

/// A field that means something, or a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
    Comment,
}

/// The longest name of a field.
pub(super) const NAME_LEN: usize = 5;

impl Field {
    /// A comment has an empty name.
    pub(super) fn from_name(name: &[u8]) -> Option<Field> {
        match name {
            b"data" => Some(Field::Data),
            b"event" => Some(Field::Event),
            b"id" => Some(Field::Id),
            b"retry" => Some(Field::Retry),
            b"" => Some(Field::Comment),
            _ => None,
        }
    }

    /// The field of a line that is not empty, and where its value begins. A line without a colon
    /// is a name with an empty value. `None` if the field has no meaning.
    #[inline(always)]
    pub(super) fn of_line(line: &[u8]) -> Option<(Field, usize)> {
        let (field, name_len) = match line {
            [b'd', b'a', b't', b'a', ..] => (Field::Data, 4),
            [b'e', b'v', b'e', b'n', b't', ..] => (Field::Event, 5),
            [b'i', b'd', ..] => (Field::Id, 2),
            [b'r', b'e', b't', b'r', b'y', ..] => (Field::Retry, 5),
            [b':', ..] => (Field::Comment, 0),
            _ => return None,
        };
        match &line[name_len..] {
            [] => Some((field, name_len)),
            [b':', b' ', ..] => Some((field, name_len + 2)),
            [b':', ..] => Some((field, name_len + 1)),
            _ => None,
        }
    }
}

/// The lines of a text, without their ends. CR, LF and CRLF end a line.
pub(super) struct Lines<'i> {
    /// What comes after the last end.
    pub(super) rest: &'i [u8],
    /// Whether an LF, if it came next, would belong to the last end.
    pub(super) after_cr: bool,
}

impl<'i> Lines<'i> {
    #[inline]
    pub(super) fn new(text: &'i [u8]) -> Self {
        Lines {
            rest: text,
            after_cr: false,
        }
    }
}

impl<'i> Iterator for Lines<'i> {
    type Item = &'i [u8];

    // Always, also where code is to be small: most of the time goes by in here.
    #[inline(always)]
    fn next(&mut self) -> Option<&'i [u8]> {
        let (line, following) = self.rest.split_at(end(self.rest)?);
        self.rest = match following {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => return None,
        };
        self.after_cr = self.rest.is_empty() && following == b"\r";
        Some(line)
    }
}

const WORD: usize = size_of::<u64>();

/// How many words without an end make a line long.
const SHORT_WORDS: usize = 4;

/// How many bytes come before the end of the line, if that is there.
///
/// Most lines are short. For these a look at a few words costs less than the call of a search that
/// is made for long ones.
#[inline(always)]
fn end(text: &[u8]) -> Option<usize> {
    if text.first() == Some(&b'\n') {
        return Some(0);
    }
    let (words, rest) = text.as_chunks();
    for (index, word) in words.iter().take(SHORT_WORDS).enumerate() {
        let ends = ends_in(u64::from_le_bytes(*word));
        if ends != 0 {
            return Some(index * WORD + ends.trailing_zeros() as usize / 8);
        }
    }
    if words.len() <= SHORT_WORDS {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
        return Some(text.len() - rest.len() + end);
    }
    let looked = SHORT_WORDS * WORD;
    Some(looked + memchr2(b'\n', b'\r', &text[looked..])?)
}

/// The top bit of each byte that is LF or CR. Bits above the lowest may be wrong.
#[inline]
fn ends_in(word: u64) -> u64 {
    let zeros = |word: u64| word.wrapping_sub(each(0x01)) & !word & each(0x80);
    zeros(word ^ each(b'\n')) | zeros(word ^ each(b'\r'))
}

/// How many bytes are lines that are comments or empty, as far as whole words show them.
///
/// A quiet stream has little else. Going line by line, each has to wait until the end of the one
/// before is known; going word by word, none does. The last may lack the LF of its CRLF, which
/// then looks like one more empty line.
// Inlined, it would take registers from lines that mean something.
#[inline(never)]
pub(super) fn comments(text: &[u8]) -> usize {
    let mut bytes = 0;
    let mut starts = 0x80;
    for (index, word) in text.as_chunks().0.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let ends = !(differs(word, b'\n') & differs(word, b'\r') | word) & each(0x80);
        starts |= ends << 8;
        let others = starts & !ends & (differs(word, b':') | word);
        if others != 0 {
            return index * WORD + others.trailing_zeros() as usize / 8;
        }
        if ends != 0 {
            bytes = (index + 1) * WORD - ends.leading_zeros() as usize / 8;
        }
        starts = ends >> 56;
    }
    bytes
}

/// The top bit of each byte of which the lower bits are not those of `byte`.
#[inline]
fn differs(word: u64, byte: u8) -> u64 {
    ((word ^ each(byte)) & each(0x7f)) + each(0x7f)
}

const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; WORD])
}
