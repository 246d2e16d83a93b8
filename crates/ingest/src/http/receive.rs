//! Receives the body of a request, within limits of time, rate and size.

use super::answer::Refusal;
use super::places::Place;
use crate::Settings;
use crate::decode::Body;
use futures::StreamExt;
use std::time::Duration;
use tokio::time::Instant;

/// The limits of one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    bytes: u64,
    seconds: u32,
    /// The least bytes per second; 0 is any.
    rate: u32,
}

/// How long a body may be slower than the least rate. A choice: a connection may stall for a few retransmissions.
const GRACE: Duration = Duration::from_secs(5);

impl Limits {
    pub(super) fn new(settings: &Settings) -> Self {
        let (bytes, seconds) = (settings.max_body_bytes, settings.body_seconds);
        Self { bytes, seconds, rate: settings.min_body_bytes_per_second }
    }

    /// # Errors
    /// If the client declares more bytes than a body may have.
    pub(super) fn check(&self, declared: Option<u64>) -> Result<(), Refusal> {
        if declared.is_some_and(|length| length > self.bytes) {
            return Err(Refusal::TooLarge(self.bytes));
        }
        Ok(())
    }

    /// Receives a body, and counts its bytes for `place`.
    ///
    /// # Errors
    /// If it is too large, too slow, or breaks off, or if there is no room for it.
    pub(super) async fn receive(&self, body: axum::body::Body, place: &mut Place) -> Result<Body, Refusal> {
        let started = Instant::now();
        let end = started + Duration::from_secs(self.seconds.into());
        let mut parts = body.into_data_stream();
        let (mut whole, mut received) = (Body::default(), 0_u64);
        loop {
            let due = self.due(started, received);
            let next = tokio::time::timeout_at(due.map_or(end, |due| due.min(end)), parts.next()).await;
            let Ok(next) = next else {
                let is_late = due.is_none_or(|due| end <= due);
                return Err(if is_late { Refusal::Late(self.seconds) } else { Refusal::Slow(self.rate) });
            };
            let Some(part) = next else { return Ok(whole) };
            let part = part.map_err(Refusal::BrokenOff)?;
            received += part.len() as u64;
            if received > self.bytes {
                return Err(Refusal::TooLarge(self.bytes));
            }
            place.grow(part.len())?;
            whole.push(&part);
        }
    }

    /// Returns when the next bytes must have arrived, by the least rate.
    fn due(&self, started: Instant, received: u64) -> Option<Instant> {
        let seconds = (self.rate > 0).then(|| received as f64 / f64::from(self.rate))?;
        Some(started + GRACE + Duration::from_secs_f64(seconds))
    }
}
