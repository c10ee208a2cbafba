//! Owns the frames of WebSocket as a server sends them: RFC 6455, section 5.2.
//!
//! It does not know what they say, nor the handshake before them.
//!
//! Every frame here is whole (FIN set), unmasked, and has no extension: such a frame is a message.

use alloc::vec::Vec;
use core::fmt;

/// What a frame is: RFC 6455, section 11.8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Opcode {
    /// A message of UTF-8.
    Text = 1,
    /// A message of bytes.
    Binary = 2,
    /// The last frame of its sender: nothing, or a status of two bytes and a text.
    Close = 8,
    /// The other side answers with a pong of the same payload.
    Ping = 9,
    /// Answers a ping, or says unasked that its sender is there.
    Pong = 10,
}

/// The most bytes in the payload of a close, ping or pong: RFC 6455, section 5.5.
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The longest header of a frame that is not masked.
const MAX_HEADER: usize = 10;

/// Why bytes do not begin with a frame as a server sends it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// It is a part of a message, has a reserved bit, or an opcode without a meaning.
    Opcode(u8),
    /// It is masked, which only a client does.
    Masked,
    /// Its length is not in the shortest form, over 63 bits, or more than its opcode allows.
    Length,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opcode(byte) => write!(f, "a frame cannot begin with the byte {byte:#04x}"),
            Self::Masked => f.write_str("a server does not mask its frames"),
            Self::Length => f.write_str("the length of a frame is not what the standard allows"),
        }
    }
}

impl core::error::Error for FrameError {}

impl Opcode {
    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }
}

/// Appends one frame to `out`: a header of 2, 4 or 10 bytes, and the payload.
///
/// A close, ping or pong has at most [`MAX_CONTROL_PAYLOAD`] bytes: what is beyond them is left
/// away.
///
/// ```
/// use tidings_core::{Opcode, encode_frame};
///
/// let mut wire = Vec::new();
/// encode_frame(Opcode::Text, b"Hello", &mut wire);
/// assert_eq!(wire, b"\x81\x05Hello");
/// ```
pub fn encode_frame(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    let most = if opcode.is_control() {
        MAX_CONTROL_PAYLOAD
    } else {
        usize::MAX
    };
    let payload = &payload[..payload.len().min(most)];
    let (header, len) = header(opcode, payload.len());
    out.reserve(len + payload.len());
    out.extend_from_slice(&header[..len]);
    out.extend_from_slice(payload);
}

/// Makes a message of text of what stands in `out` from `start` on.
pub(crate) fn enframe_text(start: usize, out: &mut Vec<u8>) {
    let end = out.len();
    let (header, len) = header(Opcode::Text, end - start);
    out.extend_from_slice(&header[..len]);
    out.copy_within(start..end, start + len);
    out[start..][..len].copy_from_slice(&header[..len]);
}

/// Takes the first frame from the front of `input`; none where its end is not in yet.
///
/// ```
/// use tidings_core::{Opcode, decode_frame};
///
/// let mut input = &b"\x81\x05Hello\x89\x00\x81"[..];
/// assert_eq!(decode_frame(&mut input)?, Some((Opcode::Text, &b"Hello"[..])));
/// assert_eq!(decode_frame(&mut input)?, Some((Opcode::Ping, &b""[..])));
/// assert_eq!(decode_frame(&mut input)?, None);
/// assert_eq!(input, b"\x81");
/// # Ok::<(), tidings_core::FrameError>(())
/// ```
///
/// # Errors
/// Where the input does not begin with a whole message as a server sends it, without extensions.
/// `input` is then left as it is.
pub fn decode_frame<'a>(input: &mut &'a [u8]) -> Result<Option<(Opcode, &'a [u8])>, FrameError> {
    let Some((first, rest)) = input.split_first() else {
        return Ok(None);
    };
    let opcode = Opcode::from_bits(first ^ FIN).ok_or(FrameError::Opcode(*first))?;
    let Some((second, rest)) = rest.split_first() else {
        return Ok(None);
    };
    if second & MASKED != 0 {
        return Err(FrameError::Masked);
    }
    let (short, wide) = (usize::from(*second), usize::from(*second) >= LEN_16.into());
    if wide && opcode.is_control() {
        return Err(FrameError::Length);
    }
    let (len, rest) = match *second {
        LEN_16 => match rest.split_first_chunk() {
            Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest),
            None => return Ok(None),
        },
        LEN_64 => match rest.split_first_chunk() {
            Some((len, rest)) => (u64::from_be_bytes(*len), rest),
            None => return Ok(None),
        },
        _ => (short as u64, rest),
    };
    let least = match *second {
        LEN_16 => u64::from(LEN_16),
        LEN_64 => 1 << 16,
        _ => 0,
    };
    if len < least || len >> 63 != 0 {
        return Err(FrameError::Length);
    }
    let Some((payload, rest)) = usize::try_from(len)
        .ok()
        .and_then(|len| rest.split_at_checked(len))
    else {
        return Ok(None);
    };
    *input = rest;
    Ok(Some((opcode, payload)))
}

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// In place of a length: it follows in 16 bits, or in 64.
const LEN_16: u8 = 126;
const LEN_64: u8 = 127;

/// The header of a frame, and how many of the bytes it is.
fn header(opcode: Opcode, payload: usize) -> ([u8; MAX_HEADER], usize) {
    let mut header = [0; MAX_HEADER];
    header[0] = FIN | opcode as u8;
    let len = match payload {
        0..126 => {
            header[1] = payload as u8;
            2
        }
        126..0x1_0000 => {
            header[1] = LEN_16;
            header[2..4].copy_from_slice(&(payload as u16).to_be_bytes());
            4
        }
        _ => {
            header[1] = LEN_64;
            header[2..].copy_from_slice(&(payload as u64).to_be_bytes());
            10
        }
    };
    (header, len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn decoded(bytes: &[u8]) -> Result<Option<(Opcode, usize)>, FrameError> {
        let mut input = bytes;
        let found = decode_frame(&mut input)?;
        Ok(found.map(|(opcode, payload)| {
            assert_eq!(
                payload.len() + (bytes.len() - input.len() - payload.len()),
                bytes.len() - input.len()
            );
            (opcode, payload.len())
        }))
    }

    /// The examples of RFC 6455, section 5.7, that a server may send, and the lengths around each
    /// change of form.
    #[test]
    fn lengths_have_the_shortest_form() {
        for (len, header) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (256, &[0x82, 126, 1, 0]),
            (65_535, &[0x82, 126, 0xff, 0xff]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = vec![7];
            encode_frame(Opcode::Binary, &vec![b'x'; len], &mut out);
            assert_eq!(&out[1..=header.len()], header);
            assert_eq!(out.len(), 1 + header.len() + len);
            assert_eq!(decoded(&out[1..]), Ok(Some((Opcode::Binary, len))));
            for cut in [1, 2, header.len(), out.len() - 1].map(|cut| cut.min(out.len() - 1)) {
                assert_eq!(decoded(&out[1..cut]), Ok(None));
            }
        }
    }

    #[test]
    fn what_a_server_may_not_send_is_refused() {
        for bytes in [
            &b"\x01\x03Hel"[..],
            b"\x80\x02lo",
            b"\xc1\x00",
            b"\x83\x00",
            b"\x8b\x00",
        ] {
            assert_eq!(decoded(bytes), Err(FrameError::Opcode(bytes[0])));
        }
        let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(decoded(masked), Err(FrameError::Masked));
        for bytes in [
            &b"\x81\x7e\x00\x7d"[..],
            b"\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff",
            b"\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
            b"\x89\x7e\x00\x7e",
        ] {
            assert_eq!(decoded(bytes), Err(FrameError::Length));
        }
    }

    #[test]
    fn a_control_frame_is_never_too_long() {
        let mut out = Vec::new();
        encode_frame(Opcode::Close, &[0; 200], &mut out);
        assert_eq!(
            decoded(&out),
            Ok(Some((Opcode::Close, MAX_CONTROL_PAYLOAD)))
        );
    }
}
