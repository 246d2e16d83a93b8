//! Who is notified of a change of an incident, and how often: the pure part of the notifier.

pub mod decide;
pub mod limit;
pub mod snooze;

pub use decide::{Decision, Filter, FilterReason, decide, is_catch_up, is_named_alone, is_urgent, was_notified};
pub use limit::{Limiter, Offered, Turn, WINDOW};
pub use snooze::{Hold, Snooze, hold};
