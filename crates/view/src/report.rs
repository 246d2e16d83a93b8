//! The report: one self-contained HTML page with every incident, its findings and the arithmetic of its score.
//!
//! `page` turns the domain types into what is shown; the templates only lay it out. Every text comes from outside and
//! is escaped. The page loads nothing and runs no script.

mod first_times;
mod page;

#[cfg(test)]
mod tests;

use askama::Template;
use engine::FirstTimes;
use model::{Incident, Timestamp};
use page::Page;

/// The content of a report.
pub struct Report<'a> {
    /// The page's title.
    pub title: &'a str,
    /// Start of the period.
    pub from: Timestamp,
    /// End of the period.
    pub to: Timestamp,
    /// Incidents, highest risk first.
    pub incidents: &'a [Incident],
    /// Reports exported for the first time, by user and day.
    pub first_exports: &'a FirstTimes,
    /// Objects accessed for the first time, by user and day.
    pub first_objects: &'a FirstTimes,
    /// Counts of what was read: `("events", 123456)`.
    pub reading: Vec<(String, u64)>,
    /// Unscoreable verdicts: detector, reason, count.
    pub unscoreable: Vec<(String, String, u64)>,
    /// Files that were not read, with the reason.
    pub skipped: Vec<(String, String)>,
    /// Records set aside: fault, where the first one is, count.
    pub rejects: Vec<(String, String, u64)>,
    /// Values that could not be read: field, count.
    pub unread: Vec<(String, u64)>,
    /// Types of events that are not watched: name, count.
    pub not_watched: Vec<(String, u64)>,
    /// Sentences on how the records were read.
    pub remarks: Vec<String>,
}

/// Why a report cannot be rendered.
#[derive(Debug, thiserror::Error)]
#[error("report template: cannot be rendered")]
pub struct ReportError(#[from] askama::Error);

/// Renders the page as HTML; the same report gives the same bytes.
///
/// # Errors
/// If a template fails, which no content of a report can cause.
pub fn render(report: &Report) -> Result<String, ReportError> {
    Ok(Page::of(report).render()?)
}
