//! Marks of severities, by color and shape.

/// Returns the path of a severity's mark, centered at 0, 0: each severity has its own shape.
pub(super) fn shape(severity: &str) -> &'static str {
    match severity {
        "critical" => "M0-8 2-2.6 7.6-2.5 3.1 1 4.7 6.5 0 3.3-4.7 6.5-3.1 1-7.6-2.5-2-2.6z",
        "high" => "M0-6.5 6.5 0 0 6.5-6.5 0z",
        "medium" => "M0-5.5 6 5H-6z",
        _ => "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
    }
}

/// An entry of a chart's legend.
#[derive(Debug, PartialEq)]
pub(super) struct Key {
    pub(super) severity: &'static str,
    pub(super) shape: &'static str,
}

/// Returns the entries of the severities that occur, mildest first.
pub(super) fn keys(occur: impl Iterator<Item = &'static str> + Clone) -> Vec<Key> {
    let key = |severity| Key { severity, shape: shape(severity) };
    let known = model::Severity::ALL.iter().map(|severity| severity.as_str());
    known.filter(|known| occur.clone().any(|severity| severity == *known)).map(key).collect()
}
