//! Tests of the public interface.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod damage;
mod effects;
mod files;
mod fixtures;
mod support;
mod traps;
mod traps_of_kinds;
