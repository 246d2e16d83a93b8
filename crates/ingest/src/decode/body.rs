//! The body of a request in memory, as sent.

use ::files::archive::ReaderAt;
use std::io::{self, Read};

/// The bytes of a body, in parts of equal size: nothing is copied while it grows, and a part is freed once it is read.
#[derive(Debug, Default)]
pub struct Body {
    parts: Vec<Vec<u8>>,
}

/// Bytes of a part. A choice.
const PART: usize = 64 << 10;

impl Body {
    /// Appends bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.parts.last().is_none_or(|part| part.len() == PART) {
                self.parts.push(Vec::with_capacity(PART));
            }
            let Some(part) = self.parts.last_mut() else { return };
            let (now, later) = bytes.split_at(bytes.len().min(PART - part.len()));
            part.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Returns how many bytes it has.
    pub fn len(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }

    /// Returns whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Reads the bytes, and frees each part behind it.
    pub(super) fn into_reader(self) -> impl Read + Send + 'static {
        Parts { parts: self.parts.into_iter(), part: None, at: 0 }
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        let mut body = Self::default();
        body.push(bytes);
        body
    }
}

impl ReaderAt for Body {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Ok(offset) = usize::try_from(offset) else { return Ok(0) };
        let part = self.parts.get(offset / PART).and_then(|part| part.get(offset % PART..)).unwrap_or_default();
        let count = part.len().min(buffer.len());
        if let (Some(target), Some(part)) = (buffer.get_mut(..count), part.get(..count)) {
            target.copy_from_slice(part);
        }
        Ok(count)
    }
}

/// Reads parts one after the other.
struct Parts<I: Iterator> {
    parts: I,
    part: Option<I::Item>,
    /// How many bytes of `part` are read.
    at: usize,
}

impl<I: Iterator<Item: AsRef<[u8]>>> Read for Parts<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.part.as_ref().and_then(|part| part.as_ref().get(self.at..)).unwrap_or_default();
            if !rest.is_empty() || buffer.is_empty() {
                let count = rest.len().min(buffer.len());
                let (now, _) = rest.split_at(count);
                if let Some(target) = buffer.get_mut(..count) {
                    target.copy_from_slice(now);
                }
                self.at += count;
                return Ok(count);
            }
            self.part = self.parts.next();
            self.at = 0;
            if self.part.is_none() {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_in_order_and_again() {
        let bytes: Vec<u8> = (0..3 * PART + 7).map(|i| (i % 251) as u8).collect();
        let mut body = Body::default();
        bytes.chunks(1_000).for_each(|some| body.push(some));
        assert_eq!((body.len(), body.parts.len()), (bytes.len() as u64, 4));
        let read = |mut reader: Box<dyn Read + '_>| {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            read
        };
        let mut whole = vec![0; bytes.len()];
        body.read_exact_at(&mut whole, 0).unwrap();
        assert!(whole == bytes);
        assert!(read(Box::new(body.into_reader())) == bytes);
        assert!(Body::default().is_empty() && !Body::from(&bytes[..1]).is_empty());
    }
}
