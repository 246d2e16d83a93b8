//! Charts, drawn on the server: each is HTML with SVG, has its figures as a table, and needs [`crate::style`] alone.
//!
//! A chart displays itself as HTML and may stand in a template of any crate: `{{ chart }}`. No chart has a script or an
//! inline style.

mod heat_map;

pub use heat_map::{HeatMap, HeatRow, Norm};
