//! The points of an incident as one bar.

use super::steps::{Step, Steps};
use askama::Template;
use askama::filters::HtmlSafe;
use model::Incident;

/// The points of each term in one stacked bar of 0 to 100, with the names below.
///
/// The bar is longer than 100 points where modifiers subtract some: these are laid back over its end. Displays itself as
/// HTML, as phrasing content: it may stand in a `<summary>`.
#[derive(Debug, Template)]
#[template(path = "bar.html", whitespace = "minimize")]
pub struct Bar<'a> {
    steps: Vec<Step<'a>>,
}

impl HtmlSafe for Bar<'_> {}

impl<'a> Bar<'a> {
    /// Makes the bar of an incident's receipt.
    pub fn of(incident: &'a Incident) -> Self {
        Self { steps: Steps::of(&incident.receipt.terms).steps }
    }
}
