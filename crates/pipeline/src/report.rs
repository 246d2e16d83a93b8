//! The report: one self-contained HTML page with every incident, its findings and the arithmetic of its score.
//!
//! `view` turns the domain types into what the page shows; the templates beside it only lay that out. Every text
//! comes from outside and is escaped. The page loads nothing and runs no script.

mod first_times;
mod format;
mod heat_map;
mod view;

#[cfg(test)]
mod tests;

pub use first_times::FirstTimes;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use model::{Incident, Timestamp};

/// What a report is about.
pub struct Report<'a> {
    pub title: &'a str,
    /// The period, from the first moment to just before the last.
    pub from: Timestamp,
    pub to: Timestamp,
    /// Highest risk first.
    pub incidents: &'a [Incident],
    /// Reports exported for the first time, by user and day.
    pub first_exports: &'a FirstTimes,
    /// Objects accessed for the first time, by user and day.
    pub first_objects: &'a FirstTimes,
    /// What was read, and how many: `("events", 123456)`.
    pub reading: Vec<(String, u64)>,
    /// Detector, reason, and how many verdicts could not be given.
    pub unscoreable: Vec<(String, String, u64)>,
    /// File, and why it was not read.
    pub skipped: Vec<(String, String)>,
    /// Why records were set aside, and how many.
    pub rejects: Vec<(String, u64)>,
}

/// What can go wrong with a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("report template: cannot be rendered")]
    Template(#[from] minijinja::Error),
}

/// The page as HTML; the same report gives the same bytes.
///
/// # Errors
/// If a template is broken, which no content of a report can cause.
pub fn render(report: &Report) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment.get_template("page.html")?.render(Serde(view::Page::of(report)))?)
}

/// By name; what ends in `.html` is escaped.
const TEMPLATES: &[(&str, &str)] = &[
    ("page.html", include_str!("report/page.html")),
    ("incident.html", include_str!("report/incident.html")),
    ("finding.html", include_str!("report/finding.html")),
    ("heat_map.html", include_str!("report/heat_map.html")),
    ("set_aside.html", include_str!("report/set_aside.html")),
    ("style.css", include_str!("report/style.css")),
];
