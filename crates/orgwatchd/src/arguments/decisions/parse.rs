//! Readers of values.

use model::decision::{Hours, Network, WatchCause};
use model::{Disposition, Ruling, Status, UserClass};
use std::collections::BTreeSet;

pub(super) fn set<T: Clone + Ord>(values: &[T]) -> BTreeSet<T> {
    values.iter().cloned().collect()
}

/// The most letters of a reason. A choice: a page of text.
const MAX_REASON: usize = 4_000;

pub(super) fn parse_reason(text: &str) -> Result<String, String> {
    if (1..=MAX_REASON).contains(&text.chars().count()) && !text.trim().is_empty() {
        Ok(text.to_owned())
    } else {
        Err(format!("must have 1 to {MAX_REASON} characters"))
    }
}

/// Returns the one of `all` that has this name, with `-` or `_`.
fn word<T: Copy>(all: &[T], as_str: fn(T) -> &'static str, text: &str) -> Result<T, String> {
    let text = text.replace('-', "_");
    let found = all.iter().copied().find(|word| as_str(*word) == text);
    let names: Vec<String> = all.iter().map(|word| as_str(*word).replace('_', "-")).collect();
    found.ok_or_else(|| format!("must be one of {}", names.join(", ")))
}

pub(super) fn parse_disposition(text: &str) -> Result<Disposition, String> {
    word(Disposition::ALL, Disposition::as_str, text)
}

pub(super) fn parse_status(text: &str) -> Result<Status, String> {
    word(Status::ALL, Status::as_str, text)
}

pub(super) fn parse_class(text: &str) -> Result<UserClass, String> {
    word(UserClass::ALL, UserClass::as_str, text)
}

pub(super) fn parse_cause(text: &str) -> Result<WatchCause, String> {
    word(WatchCause::ALL, WatchCause::as_str, text)
}

pub(super) fn parse_kind(text: &str) -> Result<&'static str, String> {
    word(&Ruling::KINDS, |kind| kind, text)
}

pub(super) fn parse_network(text: &str) -> Result<Network, String> {
    Network::parse(text).ok_or_else(|| "must be a network or an address, such as 203.0.113.0/24".to_owned())
}

pub(super) fn parse_hours(text: &str) -> Result<Hours, String> {
    Hours::parse(text).ok_or_else(|| "must be two hours from 0 to 23, such as 22-5".to_owned())
}

pub(super) fn parse_watch_factor(text: &str) -> Result<f64, String> {
    factor(text)
        .filter(|factor| *factor > 1.0 && *factor <= 20.0)
        .ok_or_else(|| "must be above 1 and at most 20".to_owned())
}

pub(super) fn parse_sensitivity(text: &str) -> Result<f64, String> {
    factor(text).filter(|factor| (0.05..=20.0).contains(factor)).ok_or_else(|| "must be 0.05 to 20".to_owned())
}

/// Parts of a factor: it is rounded, so that it is the same number after any number of times as JSON.
const PARTS: f64 = 10_000.0;

fn factor(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().map(|factor| (factor * PARTS).round() / PARTS)
}
