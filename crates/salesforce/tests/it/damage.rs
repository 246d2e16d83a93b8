//! Damaged input never causes a panic, and results do not depend on how the input is split.

use crate::support::{context, read_as};
use proptest::prelude::*;
use salesforce::{Chunks, Format, detect};
use std::fs;
use std::io::Read;
use std::path::Path;

const FORMATS: [Format; 4] = [Format::JsonLines, Format::Json, Format::Csv, Format::Text];

fn fixtures() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A reader that returns a few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buffer.len());
        let (now, later) = self.0.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

fn check(bytes: &[u8]) {
    drop(detect(bytes));
    for format in FORMATS {
        let mut chunks = Chunks::new(bytes, format);
        let (mut length, mut line) = (0, 1);
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            length += chunk.len();
            assert!(chunk.first_line() >= line);
            line = chunk.first_line();
            for reject in salesforce::parse(&chunk, &context()).rejects {
                assert!(reject.line >= line && reject.excerpt.chars().count() <= 200);
            }
        }
        assert!(length <= bytes.len());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&bytes);
    }

    #[test]
    fn bytes_that_look_like_records(text in r#"([\[\]{},:"\\\n\r ]|"records"|"result"|"EVENT_TYPE"|"attributes"|"type"|null|-1|é|\u{feff}){0,60}"#) {
        check(text.as_bytes());
    }

    #[test]
    fn damaged_fixtures(file in any::<prop::sample::Index>(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..6)) {
        let files = fixtures();
        let mut bytes = file.get(&files).clone();
        for (at, byte, how) in damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        check(&bytes);
    }

    #[test]
    fn the_size_of_reads_does_not_matter(file in any::<prop::sample::Index>(), step in 1usize..4000) {
        let files = fixtures();
        let bytes = file.get(&files);
        let format = detect(bytes).unwrap();
        let (whole, trickled) = (read_as(bytes.as_slice(), format), read_as(Trickle(bytes, step), format));
        prop_assert_eq!(whole.activities, trickled.activities);
        prop_assert_eq!(whole.rejects, trickled.rejects);
    }
}

#[test]
fn the_ends_of_chunks_do_not_matter() {
    for bytes in fixtures() {
        let format = detect(&bytes).unwrap();
        let once = read_as(bytes.as_slice(), format);
        // Enough copies to cut every format in many places.
        let copies = (3 << 20) / bytes.len();
        let many = read_as(bytes.repeat(copies).as_slice(), format);
        assert_eq!(many.activities.len(), once.activities.len() * copies);
        assert_eq!(many.ignored(), once.ignored() * copies as u64);
        assert_eq!(many.rejects, []);
    }
}
