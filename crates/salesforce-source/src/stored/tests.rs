//! Stored events of a fake org that misbehaves.

mod backfill;
mod filling;
mod reading;
mod scene;
