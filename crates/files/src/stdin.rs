//! Standard input, kept in a temporary file so that it can be read more than once.

use std::fmt;
use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// A stream and the part of it that was read. Its temporary file is deleted when it is dropped.
pub(super) struct Kept {
    state: Mutex<State>,
}

struct State {
    source: Box<dyn Read + Send>,
    file: File,
    length: u64,
}

/// Reads a kept stream from its beginning.
pub(super) struct Reader {
    kept: Arc<Kept>,
    at: u64,
}

impl Kept {
    /// # Errors
    /// If the temporary file cannot be created.
    pub(super) fn new(source: impl Read + Send + 'static) -> Result<Self> {
        let state = State { source: Box::new(source), file: tempfile::tempfile()?, length: 0 };
        Ok(Self { state: Mutex::new(state) })
    }

    /// Returns a reader that starts at the beginning.
    pub(super) fn reader(kept: &Arc<Self>) -> Reader {
        Reader { kept: Arc::clone(kept), at: 0 }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut state = self.kept.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { source, file, length } = &mut *state;
        file.seek(SeekFrom::Start(self.at))?;
        let read = if self.at < *length {
            file.take(*length - self.at).read(buffer)?
        } else {
            let read = source.read(buffer)?;
            file.write_all(buffer.get(..read).unwrap_or_default())?;
            *length += read as u64;
            read
        };
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_again_from_its_beginning() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let kept = Arc::new(Kept::new(std::io::Cursor::new(bytes.clone())).unwrap());
        let mut head = Vec::new();
        Kept::reader(&kept).take(12_345).read_to_end(&mut head).unwrap();
        assert_eq!(head, bytes[..12_345]);
        for _ in 0..2 {
            let mut whole = Vec::new();
            Kept::reader(&kept).read_to_end(&mut whole).unwrap();
            assert!(whole == bytes);
        }
    }
}
