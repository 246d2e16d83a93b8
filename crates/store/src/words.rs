//! Enumerations that the database stores as text.

use crate::error::{Result, StoreError};
use model::{Disposition, Status, UserClass};

/// Reads a disposition.
pub(crate) fn disposition(text: &str) -> Result<Disposition> {
    word("disposition", Disposition::ALL, Disposition::as_str, text)
}

/// Reads the status of an incident.
pub(crate) fn status(text: &str) -> Result<Status> {
    word("status", Status::ALL, Status::as_str, text)
}

/// Reads the class of an account.
pub(crate) fn user_class(text: &str) -> Result<UserClass> {
    word("user_class", UserClass::ALL, UserClass::as_str, text)
}

/// Returns the one of `all` that is stored as `text`.
fn word<T: Copy>(field: &'static str, all: &[T], as_str: fn(T) -> &'static str, text: &str) -> Result<T> {
    let found = all.iter().copied().find(|word| as_str(*word) == text);
    found.ok_or_else(|| StoreError::UnknownWord { field, value: text.to_owned() })
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
        assert_eq!(disposition("nice").unwrap_err().to_string(), "unknown disposition in the database: nice");
    }
}
