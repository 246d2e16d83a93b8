//! One thing that is wrong, where it is wrong, in words that hold no secret.

use figment::error::{Actual, Kind};

/// Where a value was set. In the order in which problems are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Line(usize),
    Variable(String),
    /// The configuration as a whole.
    Root,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    pub origin: Origin,
    /// The key with dots; empty for syntax errors.
    pub key: String,
    pub message: String,
}

impl Problem {
    pub(super) fn text(&self, file: &str) -> String {
        let place = match &self.origin {
            Origin::Line(line) => format!("{file}:{line}: "),
            Origin::Variable(name) => format!("{name}: "),
            Origin::Root => String::new(),
        };
        let colon = if self.key.is_empty() { "" } else { ": " };
        format!("{place}{}{colon}{}", self.key, self.message)
    }
}

pub(super) fn describe(kind: &Kind) -> String {
    match kind {
        Kind::InvalidType(actual, expected) => format!("expected {expected}, found {}", sort(actual)),
        Kind::InvalidValue(actual, expected) => format!("expected {expected}, found {}", number_or_sort(actual)),
        Kind::UnknownField(_, []) => "no such key".to_owned(),
        Kind::UnknownField(_, known) => format!("no such key; there are {}", known.join(", ")),
        Kind::UnknownVariant(found, known) => format!("no such choice: {found:?}; there are {}", known.join(", ")),
        Kind::MissingField(field) => format!("`{field}` is missing"),
        Kind::Message(message) => message.clone(),
        other => other.to_string(),
    }
}

/// A number that is out of range is where a number is wanted, so it is no secret.
fn number_or_sort(actual: &Actual) -> String {
    match actual {
        Actual::Unsigned(number) => number.to_string(),
        Actual::Signed(number) => number.to_string(),
        Actual::Float(number) => number.to_string(),
        other => sort(other).to_owned(),
    }
}

fn sort(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) => "an integer",
        Actual::Float(_) => "a float",
        Actual::Char(_) | Actual::Str(_) => "a string",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "something else",
    }
}
