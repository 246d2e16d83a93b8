//! Whole orgs, read from fake orgs that misbehave.

mod channels;
mod faults;
mod scene;
mod streams;
