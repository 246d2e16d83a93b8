//! Reads text of any encoding as UTF-8, in constant memory.

use crate::unpack::Failed;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;
use std::io::{self, Cursor, Read};

/// Bytes by which the encoding is recognized. A choice: some hundred records.
const LOOK: usize = 64 << 10;

/// Returns what `reader` gives as UTF-8 with line feeds: UTF-16 by its byte order mark, or because every other byte is
/// zero; Windows-1252, which includes Latin-1, where the first 64 KiB have bytes that are no UTF-8 on several lines, and
/// no other characters beyond ASCII. Anything else is passed on as it is, and so is a single such byte.
///
/// Text that has carriage returns and no line feeds gets line feeds.
pub fn as_utf8<'a>(reader: Box<dyn Read + Send + 'a>) -> Box<dyn Read + Send + 'a> {
    let (mut head, mut text) = peeked(reader);
    if let Some(encoding) = encoding(&head) {
        let decoder = DecodeReaderBytesBuilder::new().encoding(Some(encoding)).build(text);
        (head, text) = peeked(Box::new(decoder));
    }
    if head.contains(&b'\r') && !head.contains(&b'\n') {
        return Box::new(LineFeeds(text));
    }
    text
}

/// Returns the name of the encoding of a text that starts with `head`, as [`as_utf8`] reads it.
pub fn encoding_name(head: &[u8]) -> &'static str {
    encoding(head).map_or("UTF-8", Encoding::name)
}

/// Returns the first bytes, and a reader that starts with them. An error behind them is an error of that reader.
fn peeked<'a>(mut reader: Box<dyn Read + Send + 'a>) -> (Vec<u8>, Box<dyn Read + Send + 'a>) {
    let mut head = Vec::new();
    let read = reader.by_ref().take(LOOK as u64).read_to_end(&mut head);
    let start = Cursor::new(head.clone());
    match read {
        Ok(_) => (head, Box::new(start.chain(reader))),
        Err(error) => (head, Box::new(start.chain(Failed(Some(error))))),
    }
}

/// Returns the encoding of text that is not to be passed on as it is.
fn encoding(head: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return Some(encoding).filter(|encoding| *encoding == UTF_16LE || *encoding == UTF_16BE);
    }
    utf_16(head).or_else(|| is_windows_1252(head).then_some(WINDOWS_1252))
}

/// Recognizes UTF-16 without a byte order mark: nine of ten units have a zero byte on the same side.
fn utf_16(head: &[u8]) -> Option<&'static Encoding> {
    const UNITS: usize = 256;
    let units = || head.chunks_exact(2).take(UNITS);
    let zeros = |side: usize| units().filter(|unit| unit.get(side) == Some(&0)).count();
    let (count, big, little) = (units().count(), zeros(0), zeros(1));
    let most = |one: usize, other: usize| count > 1 && one * 10 >= count * 9 && other * 10 <= count;
    if most(little, big) { Some(UTF_16LE) } else { most(big, little).then_some(UTF_16BE) }
}

/// Returns whether the text has bytes beyond ASCII, and none of them are UTF-8. A short text needs one, a longer one
/// needs them on two lines: the rest of a file is UTF-8 where one byte of its beginning is wrong.
fn is_windows_1252(head: &[u8]) -> bool {
    // The last character of the head may be cut off.
    let whole = if head.len() < LOOK { head } else { head.get(..LOOK - 3).unwrap_or(head) };
    let (mut lines, mut last, mut at) = (0, None, 0);
    for chunk in whole.utf8_chunks() {
        if !chunk.valid().is_ascii() {
            return false;
        }
        at += chunk.valid().bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
        if !chunk.invalid().is_empty() && last != Some(at) {
            lines += 1;
            last = Some(at);
        }
    }
    lines > 1 || lines == 1 && head.len() < LOOK
}

/// Replaces carriage returns by line feeds.
struct LineFeeds<R>(R);

impl<R: Read> Read for LineFeeds<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        let read = buffer.get_mut(..count).unwrap_or_default();
        read.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> String {
        let mut text = Vec::new();
        as_utf8(Box::new(bytes)).read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn latin_1(text: &str) -> Vec<u8> {
        text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    }

    #[test]
    fn a_single_wrong_byte_changes_nothing_else() {
        let mut text = "one line of text\n".repeat(10_000).into_bytes();
        text[40] = 0xe9;
        text.extend("Müller\n".bytes());
        let read = read(&text);
        assert!(read.contains('\u{fffd}') && read.ends_with("Müller\n"));
        text[80] = 0xe9;
        text[80 + 17] = 0xe9;
        assert!(encoding(&text) == Some(WINDOWS_1252));
    }

    #[test]
    fn carriage_returns_alone_end_lines() {
        assert_eq!(read(b"a\rb\r"), "a\nb\n");
        assert_eq!(read(b"a\r\nb\r\n"), "a\r\nb\r\n");
        assert_eq!(read(&utf_16("\u{feff}a\rb", u16::to_le_bytes)).trim_start_matches('\u{feff}'), "a\nb");
    }

    #[test]
    fn an_error_comes_behind_the_bytes_before_it() {
        let broken = b"{\"a\":1}\n".chain(Failed(Some(io::Error::other("no disk"))));
        let mut text = Vec::new();
        let error = as_utf8(Box::new(broken)).read_to_end(&mut text).unwrap_err();
        assert_eq!((text.as_slice(), error.to_string().as_str()), (&b"{\"a\":1}\n"[..], "no disk"));
    }

    proptest! {
        #[test]
        fn every_encoding_gives_the_same_text(
            start in "[a-z{\",;]{20,40}",
            lines in prop::collection::vec("[ -~à-ÿ]{0,40}", 1..200),
        ) {
            let text = format!("{start}\n{}", lines.join("\n"));
            for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                let decoded = read(&utf_16(&format!("\u{feff}{text}"), bytes));
                prop_assert_eq!(decoded.trim_start_matches('\u{feff}'), &text);
            }
            prop_assert_eq!(&read(text.as_bytes()), &text);
            prop_assert_eq!(&read(&latin_1(&text)), &text);
            let ascii = text.replace(|c: char| !c.is_ascii(), "?");
            prop_assert_eq!(&read(&utf_16(&ascii, u16::to_le_bytes)), &ascii);
            prop_assert_eq!(&read(&utf_16(&ascii, u16::to_be_bytes)), &ascii);
        }
    }
}
