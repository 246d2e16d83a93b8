//! Pages of lists: limits and cursors.

use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The most rows of a page.
pub(crate) const MOST: u32 = 200;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// Send it as `cursor` for the next page; null on the last one.
    pub(crate) next_cursor: Option<String>,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AskedPage {
    /// The `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
    /// The most rows of a page, 1 to 200; 50 without it.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
}

/// Returns how many rows a page has: what was asked for, from 1 to 200; 50 if nothing was.
///
/// # Errors
/// If the number is out of range.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(50) {
        limit @ 1..=MOST => Ok(limit),
        limit => Err(Problem::Malformed(format!("limit: from 1 to {MOST}, not {limit}"))),
    }
}

/// Writes where a page ends, as a text that says nothing to people.
pub(crate) fn cursor(parts: &[&str]) -> String {
    URL_SAFE_NO_PAD.encode(parts.join("\n"))
}

/// Reads the parts of a cursor.
///
/// # Errors
/// If it is not one that [`cursor`] wrote with as many parts.
pub(crate) fn place<const N: usize>(cursor: &str) -> Result<[String; N], Problem> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        text.split('\n').map(str::to_owned).collect::<Vec<_>>().try_into().ok()
    };
    read().ok_or_else(foreign)
}

/// The problem with a cursor that this list did not give.
pub(crate) fn foreign() -> Problem {
    Problem::Malformed("cursor: send the next_cursor of a page as it is".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_written_and_others_are_refused() {
        assert_eq!(place::<2>(&cursor(&["7250", "id"])).unwrap(), ["7250", "id"]);
        assert!(place::<3>(&cursor(&["7250", "id"])).is_err());
        assert!(place::<1>("%%%").is_err());
        assert!(limit(Some(0)).is_err() && limit(Some(201)).is_err());
        assert_eq!(limit(None).unwrap(), 50);
    }
}
