//! An incident in parts: the bar of its points, its receipt, its findings.
//!
//! Each part is a template that displays itself as HTML and may stand in a template of any crate: `{{ receipt }}`. It needs
//! [`crate::style`], and no page's script or inline style.

mod bar;
mod findings;
mod receipt;
mod steps;

#[cfg(test)]
mod tests;

pub use bar::Bar;
pub use findings::Findings;
pub use receipt::Receipt;
