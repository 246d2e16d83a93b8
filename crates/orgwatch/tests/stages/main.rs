//! From files to incidents, through the public interface.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod attacks;
mod busy_day;
mod channels;
mod counting;
mod delivery;
mod emma;
mod events;
mod newcomers;
mod orgs;
mod same_result;
mod set_aside;
mod support;
mod writes;
