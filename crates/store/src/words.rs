//! Enumerations that the database stores as text.

use crate::error::{Result, StoreError};
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident $field:literal { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the stored word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads a stored word.
            ///
            /// # Errors
            /// [`StoreError::UnknownWord`] if the text is none of the words.
            pub fn parse(text: &str) -> Result<Self> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(StoreError::UnknownWord { field: $field, value: text.to_owned() }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// Where an incident stands in its life.
    Status "status" {
        /// New; no person has acknowledged it.
        Open = "open",
        /// A person has taken it up.
        Acknowledged = "acknowledged",
        /// It is closed.
        Resolved = "resolved",
        /// Its findings became part of another incident.
        Merged = "merged",
        /// All of its findings were withdrawn, as late data explained them.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// A person's decision on an incident.
    Disposition "disposition" {
        /// An attack.
        Malicious = "malicious",
        /// Unexplained, and possibly an attack.
        Suspicious = "suspicious",
        /// Unusual, but legitimate.
        Benign = "benign",
        /// Not unusual: the detectors were wrong.
        FalsePositive = "false_positive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_being_stored() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()).unwrap(), *status);
        }
        assert_eq!(Disposition::parse("nice").unwrap_err().to_string(), "unknown disposition in the database: nice");
    }
}
