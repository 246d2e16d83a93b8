//! Words that only the database and its users know.

use crate::error::{Result, StoreError};
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident $field:literal { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// # Errors
            /// If the text is none of the words.
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
    /// The life of an incident.
    Status "status" {
        Open = "open",
        Acknowledged = "acknowledged",
        Resolved = "resolved",
        /// Its findings are part of another incident by now.
        Merged = "merged",
        /// All of its findings were withdrawn: what was reported has been explained.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// What people decided about an incident.
    Disposition "disposition" {
        Malicious = "malicious",
        Suspicious = "suspicious",
        Benign = "benign",
        FalsePositive = "false_positive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()).unwrap(), *status);
        }
        assert_eq!(Disposition::parse("nice").unwrap_err().to_string(), "unknown disposition in the database: nice");
    }
}
