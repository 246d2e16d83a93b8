//! Charts, drawn on the server: each is HTML with SVG, has its figures as a table, and needs [`crate::style`] alone.
//!
//! A chart displays itself as HTML and may stand in a template of any crate: `{{ chart }}`. No chart has a script or an
//! inline style. Horizontal lengths are percents and vertical ones pixels, so that a chart fills any width and its text
//! keeps its size.

mod axes;
mod bands;
mod curve;
mod heat_map;
mod line;
mod mark;
mod rhythm;
mod week;

#[cfg(test)]
mod tests;

pub use bands::{BandPoint, Bands, Coming};
pub use curve::{Curve, CurvePoint};
pub use heat_map::{HeatMap, HeatRow, Norm};
pub use line::{Line, LinePoint};
pub use rhythm::Rhythm;
pub use week::{Week, Weekday};
