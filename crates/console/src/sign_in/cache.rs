//! What was read of the provider, for a while.

use super::provider::ProviderError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// For how long a provider that did not answer is not asked again. A choice: long enough that the callers who have waited
/// for the answer do not ask one after the other, each as long.
const PAUSE: Duration = Duration::from_secs(5);

/// After how long a caller who goes away leaves a provider that counts as silent. A choice: one who goes away at once says
/// nothing about it.
const LONG: Duration = Duration::from_secs(1);

/// A value that one caller fetches for all.
pub(super) struct Cache<T> {
    call: &'static str,
    state: Mutex<State<T>>,
}

struct State<T> {
    known: Option<(Arc<T>, Instant)>,
    failed: Option<Instant>,
}

impl<T> Cache<T> {
    /// Makes an empty one; `call` names in errors what is fetched.
    pub(super) fn new(call: &'static str) -> Self {
        Self { call, state: Mutex::new(State { known: None, failed: None }) }
    }

    /// Returns the value, and whether it was fetched for this call: the known one if it is younger than this, or was fetched
    /// since the call began.
    ///
    /// # Errors
    /// If it cannot be fetched, or could not a moment ago.
    pub(super) async fn get(
        &self,
        younger: Duration,
        fetch: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<(Arc<T>, bool), ProviderError> {
        let began = Instant::now();
        let mut state = self.state.lock().await;
        let is_fresh = |fetched: Instant| fetched.elapsed() < younger || fetched > began;
        if let Some((value, _)) = state.known.as_ref().filter(|(_, fetched)| is_fresh(*fetched)) {
            return Ok((value.clone(), false));
        }
        if state.failed.is_some_and(|failed| failed.elapsed() < PAUSE) {
            return Err(ProviderError::Paused { call: self.call });
        }
        let fetched = {
            let _waiting = Waiting { failed: &mut state.failed, since: Instant::now() };
            fetch.await
        };
        state.failed = fetched.is_err().then(Instant::now);
        let value = Arc::new(fetched?);
        state.known = Some((value.clone(), Instant::now()));
        Ok((value, true))
    }
}

/// A fetch. It counts as failed if it is dropped after a while, as by a caller who has waited too long.
struct Waiting<'a> {
    failed: &'a mut Option<Instant>,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.since.elapsed() >= LONG {
            *self.failed = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn away() -> Result<u8, ProviderError> {
        tokio::time::sleep(Duration::from_secs(4)).await;
        Err(ProviderError::Slow)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_provider_is_waited_for_once() {
        let (cache, start) = (Cache::new("keys"), Instant::now());
        let all = futures::future::join_all((0..100).map(|_| cache.get(Duration::ZERO, away()))).await;
        assert_eq!(start.elapsed(), Duration::from_secs(4));
        let paused = all.iter().filter(|answer| matches!(answer, Err(ProviderError::Paused { call: "keys" }))).count();
        assert_eq!(paused, 99);
        tokio::time::advance(PAUSE).await;
        assert!(cache.get(Duration::ZERO, async { Ok(1) }).await.is_ok_and(|(value, is_new)| *value == 1 && is_new));
        let later = cache.get(Duration::from_secs(60), away()).await;
        assert!(later.is_ok_and(|(value, is_new)| *value == 1 && !is_new));
    }
    #[tokio::test(start_paused = true)]
    async fn a_caller_who_goes_away_stops_others_only_after_a_wait() {
        for (patience, is_paused) in [(Duration::from_millis(100), false), (Duration::from_secs(2), true)] {
            let cache = Cache::new("keys");
            assert!(tokio::time::timeout(patience, cache.get(Duration::ZERO, away())).await.is_err());
            let next = cache.get(Duration::ZERO, async { Ok(1) }).await;
            assert_eq!(matches!(next, Err(ProviderError::Paused { .. })), is_paused, "{patience:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_fetched_since_the_call_began_is_new_enough() {
        let cache = Cache::new("keys");
        let slow = || async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok(1)
        };
        let all = futures::future::join_all((0..10).map(|_| cache.get(Duration::ZERO, slow()))).await;
        assert_eq!(all.iter().filter(|answer| answer.as_ref().is_ok_and(|(_, is_new)| *is_new)).count(), 1);
    }
}
