//! What was read of the provider, for a while.

use super::provider::ProviderError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// For how long a provider that did not answer is not asked again. A choice: long enough that the callers who have waited
/// for the answer do not ask one after the other, each as long.
const PAUSE: Duration = Duration::from_secs(5);

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

    /// Returns the value, and whether it was fetched for this call: the known one if it is younger than this.
    ///
    /// # Errors
    /// If it cannot be fetched, or could not a moment ago.
    pub(super) async fn get(
        &self,
        younger: Duration,
        fetch: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<(Arc<T>, bool), ProviderError> {
        let mut state = self.state.lock().await;
        if let Some((value, _)) = state.known.as_ref().filter(|(_, fetched)| fetched.elapsed() < younger) {
            return Ok((value.clone(), false));
        }
        if state.failed.is_some_and(|failed| failed.elapsed() < PAUSE) {
            return Err(ProviderError::Paused { call: self.call });
        }
        // Also if the caller goes away in between, as one who has waited too long does.
        state.failed = Some(Instant::now());
        let fetched = fetch.await;
        state.failed = fetched.is_err().then(Instant::now);
        let value = Arc::new(fetched?);
        state.known = Some((value.clone(), Instant::now()));
        Ok((value, true))
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
}
