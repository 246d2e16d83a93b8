#![doc = include_str!("../README.md")]

pub mod chart;
pub mod format;
pub mod incident;
pub mod report;

#[cfg(test)]
mod example;
#[cfg(test)]
mod tests;

/// Returns the stylesheet of everything that the report and the console share, in light and dark.
///
/// It has the tokens (colors as variables), plain elements, pills, meters, cards, receipts, findings and charts. The
/// width of the body and what stands around the content are each page's own.
pub fn style() -> &'static str {
    concat!(
        include_str!("../templates/style/base.css"),
        include_str!("../templates/style/incident.css"),
        include_str!("../templates/style/chart.css"),
    )
}
