//! How bytes, texts and numbers are written down.
//!
//! It does not know what they mean.

/// What a word says.
#[derive(Clone, Debug)]
enum Value {
    Text(Vec<u8>),
    Number(u64),
}

/// The bytes that are written so.
pub(crate) fn bytes(written: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = written;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (part, following) = escape(escaped)?;
        bytes.extend(part);
        rest = following;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// What an escape stands for, without its backslash, and what follows it.
fn escape(rest: &str) -> Result<(Vec<u8>, &str), String> {
    let unknown = || format!("there is no escape \\{rest}");
    let first = rest.chars().next().ok_or_else(unknown)?;
    let following = &rest[first.len_utf8()..];
    let simple = |byte: u8| Ok((vec![byte], following));
    match first {
        'n' => simple(b'\n'),
        'r' => simple(b'\r'),
        't' => simple(b'\t'),
        '0' => simple(0),
        '\\' | '"' => simple(first as u8),
        'x' => {
            let (digits, following) = following.split_at_checked(2).ok_or_else(unknown)?;
            let byte = u8::from_str_radix(digits, 16).map_err(|_| unknown())?;
            Ok((vec![byte], following))
        }
        'u' => {
            let (digits, following) = in_braces(following).ok_or_else(unknown)?;
            let number = u32::from_str_radix(digits, 16).map_err(|_| unknown())?;
            let character = char::from_u32(number).ok_or_else(unknown)?;
            Ok((character.to_string().into_bytes(), following))
        }
        '{' => {
            let (inner, following) = in_braces(rest).ok_or_else(unknown)?;
            let (times, part) = inner.split_once('*').ok_or_else(unknown)?;
            if part.contains('{') || !times.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(unknown());
            }
            let times = times.parse().map_err(|_| unknown())?;
            Ok((bytes(part)?.repeat(times), following))
        }
        _ => Err(unknown()),
    }
}

/// What stands in the braces at the start, and what follows them.
fn in_braces(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('{')?.split_once('}')
}

/// The text in quotes.
fn quoted(written: &str) -> Result<Vec<u8>, String> {
    written
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or_else(|| format!("{written} is no text in quotes"))
        .and_then(bytes)
}

/// Pairs of a word and a value, of which each word is asked for once.
pub(crate) struct Pairs {
    line: String,
    pairs: Vec<(String, Value)>,
}

impl Pairs {
    /// The pairs of a line.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let mut pairs: Vec<(String, Value)> = Vec::new();
        let mut rest = line;
        while !rest.is_empty() {
            let (word, following) = rest
                .split_once(' ')
                .ok_or_else(|| format!("{rest} has no value"))?;
            let end = value_len(following);
            let (value, after) = following.split_at(end);
            let value = match value.parse() {
                Ok(number) => Value::Number(number),
                Err(_) => Value::Text(quoted(value)?),
            };
            if pairs.iter().any(|pair| pair.0 == word) {
                return Err(format!("{word} is said twice"));
            }
            pairs.push((word.to_owned(), value));
            rest = after.strip_prefix(' ').unwrap_or(after);
        }
        let line = line.to_owned();
        Ok(Self { line, pairs })
    }

    /// The word that comes first.
    pub(crate) fn first(&self) -> &str {
        self.pairs.first().map_or("", |pair| &pair.0)
    }

    /// The text that this word says, if it is there.
    pub(crate) fn text(&mut self, word: &str) -> Result<Option<String>, String> {
        match self.take(word) {
            None => Ok(None),
            Some(Value::Text(bytes)) => String::from_utf8(bytes)
                .map(Some)
                .map_err(|_| format!("{word} is no UTF-8")),
            Some(Value::Number(_)) => Err(format!("{word} is no text")),
        }
    }

    /// The number that this word says, if it is there.
    pub(crate) fn number(&mut self, word: &str) -> Result<Option<u64>, String> {
        match self.take(word) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(Value::Text(_)) => Err(format!("{word} is no number")),
        }
    }

    /// Says that nothing else may be there.
    pub(crate) fn end(self) -> Result<(), String> {
        match self.pairs.first() {
            None => Ok(()),
            Some((word, _)) => Err(format!("{word} does not belong there: {}", self.line)),
        }
    }

    fn take(&mut self, word: &str) -> Option<Value> {
        let at = self.pairs.iter().position(|pair| pair.0 == word)?;
        Some(self.pairs.remove(at).1)
    }
}

/// How long the value at the start is: up to its closing quote, or else to the next space.
fn value_len(text: &str) -> usize {
    let Some(inner) = text.strip_prefix('"') else {
        return text.find(' ').unwrap_or(text.len());
    };
    let mut escaped = false;
    for (at, character) in inner.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 2,
            _ => {}
        }
    }
    text.len()
}
