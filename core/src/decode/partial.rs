//! Owns lines that the end of the input cuts: what is known of such a line, and how it goes on.
//!
//! It does not know whole lines, except that their values go into buffers in the same three steps:
//! `begin`, `append`, `finish`.

use super::line::{Field, NAME_LEN};
use super::{DecodeError, Decoder, Found, Spent, extend};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What of the line has been read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Line {
    /// Nothing of the stream but so many bytes of a byte order mark.
    Bom(u8),
    /// Nothing.
    Start,
    /// Nothing, and an LF would belong to the line before.
    AfterCr,
    /// So many bytes of what may be a name.
    Name([u8; NAME_LEN], u8),
    /// The name and the colon; a space may follow.
    Colon(Field),
    /// Some of the value.
    Value(Field),
    /// Enough to know that it means nothing.
    Skip,
}

impl Decoder {
    /// Takes what may stand before a line and is no part of it.
    pub(super) fn before_line(&mut self, input: &mut &[u8]) -> Result<(), DecodeError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let len = input.len();
        while let Some((&byte, following)) = input.split_first() {
            self.line = match self.line {
                Line::Bom(len) if byte == BYTE_ORDER_MARK[usize::from(len)] => {
                    *input = following;
                    match len {
                        2 => Line::Start,
                        _ => Line::Bom(len + 1),
                    }
                }
                Line::Bom(0) => Line::Start,
                // Half a mark is no mark, and no field begins like that.
                Line::Bom(_) => Line::Skip,
                Line::AfterCr => {
                    if byte == b'\n' {
                        *input = following;
                    }
                    Line::Start
                }
                _ => break,
            };
        }
        self.offset += (len - input.len()) as u64;
        Ok(())
    }

    /// Takes the beginning of a line.
    #[inline]
    pub(super) fn begin_line(&mut self, text: &[u8]) -> Result<(), DecodeError> {
        match Field::of_line(text) {
            Some((field, start)) if start < text.len() && self.wants(field) => {
                self.line = Line::Value(field);
                self.begin(field, text.len() - start)?;
                self.resume_line(&text[start..], text.len() - start)
            }
            _ => {
                self.line = Line::Name([0; NAME_LEN], 0);
                self.resume_line(text, text.len())
            }
        }
    }

    /// Goes on with a line, up to its end or that of the input. `text` begins `behind` bytes
    /// before the end of the input.
    // With small chunks nearly every call comes this way, down to the copy.
    #[inline(always)]
    pub(super) fn resume_line(&mut self, text: &[u8], behind: usize) -> Result<(), DecodeError> {
        let taken = match self.line {
            Line::Value(_) => 0,
            _ => self.resume_name(text, behind)?,
        };
        if let Line::Value(field) = self.line
            && !self.append(field, &text[taken..], behind - taken)?
        {
            self.line = Line::Skip;
        }
        Ok(())
    }

    /// Goes on with what comes before the value. Says how many bytes that takes.
    fn resume_name(&mut self, text: &[u8], behind: usize) -> Result<usize, DecodeError> {
        let mut bytes = text.iter();
        if let Line::Name(mut name, len) = self.line {
            let mut len = usize::from(len);
            self.line = loop {
                match bytes.next() {
                    None => break Line::Name(name, len as u8),
                    Some(b':') => match Field::from_name(&name[..len]) {
                        Some(field) if self.wants(field) => break Line::Colon(field),
                        _ => break Line::Skip,
                    },
                    Some(_) if len == NAME_LEN => break Line::Skip,
                    Some(byte) => name[len] = *byte,
                }
                len += 1;
            };
        }
        if let Line::Colon(field) = self.line
            && let Some(byte) = bytes.next()
        {
            let value_len = bytes.len() + usize::from(*byte != b' ');
            let taken = text.len() - value_len;
            self.line = Line::Value(field);
            self.begin(field, behind - taken)?;
            return Ok(taken);
        }
        Ok(text.len())
    }

    /// Takes the end of a line, which stands `behind` bytes before the end of the input.
    #[inline]
    pub(super) fn end_line(
        &mut self,
        behind: usize,
    ) -> Result<Option<Found<'static>>, DecodeError> {
        let field = match self.line {
            Line::Value(field) => return Ok(self.finish(field)),
            Line::Colon(field) => Some(field),
            Line::Name(name, len) => Field::from_name(&name[..usize::from(len)]),
            _ => None,
        };
        match field {
            Some(field) => {
                self.begin(field, behind)?;
                Ok(self.finish(field))
            }
            None => Ok(None),
        }
    }

    fn wants(&self, field: Field) -> bool {
        field != Field::Comment || self.options.comments
    }

    /// Makes the buffer of a field ready for a value, which begins `behind` bytes before the end
    /// of the input.
    pub(super) fn begin(&mut self, field: Field, behind: usize) -> Result<(), DecodeError> {
        match field {
            Field::Data if self.has_data => {
                self.charge(1, behind)?;
                extend(&mut self.data, b"\n", self.options.event_bytes);
            }
            Field::Data => self.has_data = true,
            Field::Event => self.event.clear(),
            Field::Retry => self.number = None,
            Field::Id | Field::Comment => {}
        }
        Ok(())
    }

    /// Takes a part of a value, which begins `behind` bytes before the end of the input. Says
    /// whether the field still means something.
    #[inline(always)]
    pub(super) fn append(
        &mut self,
        field: Field,
        part: &[u8],
        behind: usize,
    ) -> Result<bool, DecodeError> {
        if field != Field::Data {
            return self.append_other(field, part, behind);
        }
        self.charge(part.len(), behind)?;
        extend(&mut self.data, part, self.options.event_bytes);
        Ok(true)
    }

    fn append_other(
        &mut self,
        field: Field,
        part: &[u8],
        behind: usize,
    ) -> Result<bool, DecodeError> {
        let limit = self.options.event_bytes;
        match field {
            Field::Data | Field::Event => {
                self.charge(part.len(), behind)?;
                extend(&mut self.event, part, limit);
            }
            Field::Id => {
                let nul = memchr::memchr(b'\0', part);
                self.charge(nul.unwrap_or(part.len()), behind)?;
                if nul.is_some() {
                    self.id.truncate(self.id_len);
                    return Ok(false);
                }
                extend(&mut self.id, part, limit);
            }
            Field::Retry => {
                for byte in part {
                    if !byte.is_ascii_digit() {
                        return Ok(false);
                    }
                    let digit = u64::from(byte - b'0');
                    let number = self.number.unwrap_or(0).saturating_mul(10);
                    self.number = Some(number.saturating_add(digit));
                }
            }
            Field::Comment => {
                self.check_comment(part.len(), behind)?;
                extend(&mut self.comment, part, limit);
            }
        }
        Ok(true)
    }

    /// Ends a line that means something.
    pub(super) fn finish(&mut self, field: Field) -> Option<Found<'static>> {
        match field {
            Field::Data | Field::Event => None,
            Field::Id => {
                self.id.drain(..self.id_len);
                self.id_len = self.id.len();
                self.has_id = true;
                None
            }
            Field::Retry => {
                self.retry = self.number.or(self.retry);
                self.number.map(Found::Retry)
            }
            Field::Comment => {
                self.spent = Spent::Comment;
                Some(Found::Comment(None))
            }
        }
    }
}
