//! Against a Salesforce that misbehaves.

mod backfill;
mod filling;
mod reading;
mod scene;
