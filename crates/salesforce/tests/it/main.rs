//! Tests of the public interface.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod damage;
mod dialects;
mod displaced;
mod effects;
mod files;
mod fixtures;
mod setup;
mod support;
mod traps;
mod traps_of_kinds;
mod wrapped;
