//! Which kinds of events are currently seen, and since when not.
//!
//! A [`Board`] takes in what each channel answers, and reports each [`Transition`]: a kind has gone blind, or is seen
//! again.

mod blindness;
mod board;
mod signal;
#[cfg(test)]
mod tests;

pub use blindness::{Blindness, Reason, Transition};
pub use board::{Board, ChannelState, LeadStatus, Status};
