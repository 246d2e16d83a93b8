//! Enumerations that the database stores as text.

use crate::error::{Result, StoreError};
use model::Status;
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

/// Reads the status of an incident.
pub(crate) fn status(text: &str) -> Result<Status> {
    let unknown = || StoreError::UnknownWord { field: "status", value: text.to_owned() };
    Status::ALL.iter().copied().find(|status| status.as_str() == text).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_being_stored() {
        for word in Status::ALL {
            assert_eq!(status(word.as_str()).unwrap(), *word);
        }
        assert_eq!(status("lost").unwrap_err().to_string(), "unknown status in the database: lost");
        assert_eq!(Disposition::parse("nice").unwrap_err().to_string(), "unknown disposition in the database: nice");
    }
}
