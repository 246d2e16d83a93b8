//! Whole orgs, at a Salesforce that misbehaves.

mod channels;
mod faults;
mod scene;
mod streams;
