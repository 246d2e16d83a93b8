#![doc = include_str!("../README.md")]

mod quantile;
mod week;

pub use week::{Expected, Past, coming_week};
