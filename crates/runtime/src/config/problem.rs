//! One problem of a configuration, in words that hold no secret.

/// Where a value was set; in the order in which problems are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SetBy {
    /// A line of the file, from 1.
    Line(usize),
    /// An environment variable, by its name.
    Variable(String),
    /// Nothing in particular: the configuration as a whole.
    Whole,
}

/// A problem, with the key and the line or variable that caused it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    pub(super) set_by: SetBy,
    /// The key, its levels separated by dots; empty for syntax errors.
    pub(super) key: String,
    pub(super) message: String,
}

impl Problem {
    /// Returns `FILE:LINE: KEY: MESSAGE` or `VARIABLE: KEY: MESSAGE`.
    pub(super) fn text(&self, file: &str) -> String {
        let set_by = match &self.set_by {
            SetBy::Line(line) => format!("{file}:{line}: "),
            SetBy::Variable(name) => format!("{name}: "),
            SetBy::Whole => String::new(),
        };
        let colon = if self.key.is_empty() { "" } else { ": " };
        format!("{set_by}{}{colon}{}", self.key, self.message)
    }
}
