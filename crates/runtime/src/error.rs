//! Errors as text.

use std::iter::successors;

/// Returns the text of an error and of all its sources in one line, separated by `: `, for logs and stored reasons.
pub fn chain(error: &dyn std::error::Error) -> String {
    let sources = successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::config::ConfigError;

    #[test]
    fn sources_follow_the_error() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no such file");
        assert_eq!(chain(&source), "no such file");
        let error = ConfigError::Read { path: "a.toml".into(), source };
        assert_eq!(chain(&error), format!("{error}: no such file"));
    }
}
