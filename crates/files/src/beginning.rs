//! How a file is packed and written, for people who want to know what is read of it.

use crate::errors::InputError;
use crate::open::Input;
use crate::text::encoding_name;
use model::OrgId;
use salesforce::{Context, Format, Parsed, Shape, parse, shape};
use std::io::Read;
use std::sync::Arc;

/// The first records of a file, and how it is written.
#[derive(Debug)]
pub struct Beginning {
    /// What is around its text, the outermost first: `gzip`, `tar`.
    pub packing: Vec<&'static str>,
    /// The encoding of its text.
    pub encoding: &'static str,
    /// How its records are written.
    pub format: Format,
    /// The first record's envelopes and columns; `None` if no record was found.
    pub shape: Option<Shape>,
    /// What the records hold.
    pub parsed: Parsed,
    /// Why the rest cannot be read, if the file breaks off.
    pub broken: Option<String>,
    /// Whether these are all its records.
    pub is_whole: bool,
}

/// Bytes by which packing and encoding are recognized.
const LOOK: u64 = 64 << 10;

impl Beginning {
    /// Returns the number of records that were looked at.
    pub fn records(&self) -> u64 {
        (self.parsed.activities.len() + self.parsed.rejects.len()) as u64 + self.parsed.ignored()
    }
}

impl Input {
    /// Reads chunks of the file until they have at least `most` records. `org` is that of records that name none.
    ///
    /// # Errors
    /// If the file cannot be opened or read.
    pub fn beginning(&self, org: &OrgId, most: u64) -> Result<Beginning, InputError> {
        let read = |source| InputError::Read { path: self.name(), source };
        let bytes = Arc::default();
        let mut text = Vec::new();
        // Where it breaks off, the bytes before are looked at; reading its records says why.
        drop(self.place.open(&bytes).map_err(read)?.take(LOOK).read_to_end(&mut text));
        let context = Context { org: Some(org.clone()), ..self.context.clone() };
        let mut beginning = Beginning {
            packing: self.place.packing().map_err(read)?,
            encoding: encoding_name(&text),
            format: self.format,
            shape: None,
            parsed: Parsed::default(),
            broken: None,
            is_whole: false,
        };
        let mut chunks = self.open(&bytes)?;
        while beginning.records() < most {
            match chunks.next_chunk() {
                Ok(Some(chunk)) => {
                    beginning.shape = beginning.shape.or_else(|| shape(&chunk, &context));
                    beginning.parsed.append(parse(&chunk, &context));
                    chunks.recycle(chunk);
                }
                Ok(None) => {
                    beginning.is_whole = true;
                    break;
                }
                Err(error) => {
                    beginning.broken = Some(format!("line {}: {}", error.line, error.source));
                    break;
                }
            }
        }
        Ok(beginning)
    }
}
