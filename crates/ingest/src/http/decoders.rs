//! How many bodies are decoded at once: in all, and of each org.

use super::answer::Refusal;
use crate::Settings;
use model::OrgId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The permits to decode a body. Of each org one body is decoded at a time, so that its costly bodies leave a core to
/// the others.
#[derive(Debug)]
pub(super) struct Decoders {
    all: Arc<Semaphore>,
    by_org: BTreeMap<OrgId, Arc<Semaphore>>,
    /// How long a body may wait.
    wait: Duration,
}

/// A permit to decode one body, until it is dropped.
#[derive(Debug)]
pub(super) struct Decoder {
    _of_org: Option<OwnedSemaphorePermit>,
    _of_all: OwnedSemaphorePermit,
}

/// The most bodies that are decoded at a time. A choice: each keeps a core busy, and takes up to 40 MiB if it is hostile.
const AT_ONCE: usize = 2;

impl Decoders {
    pub(super) fn new(settings: &Settings) -> Self {
        let one = |org: &OrgId| (OrgId::new(org.as_str()), Arc::new(Semaphore::new(1)));
        let wait = Duration::from_secs(settings.acknowledge_seconds.into());
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), by_org: settings.orgs.keys().map(one).collect(), wait }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// If others take too long.
    pub(super) async fn take(&self, org: &OrgId) -> Result<Decoder, Refusal> {
        let taken = tokio::time::timeout(self.wait, self.acquire(org)).await;
        taken.ok().and_then(Result::ok).ok_or(Refusal::NotDecoded)
    }

    async fn acquire(&self, org: &OrgId) -> Result<Decoder, AcquireError> {
        let of_org = match self.by_org.get(org) {
            Some(of_org) => Some(Arc::clone(of_org).acquire_owned().await?),
            None => None,
        };
        Ok(Decoder { _of_org: of_org, _of_all: Arc::clone(&self.all).acquire_owned().await? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrgSettings;

    #[tokio::test(start_paused = true)]
    async fn one_org_leaves_a_decoder_to_others() {
        let [one, two, three] = ["00D000000000001EAA", "00D000000000002EAA", "00D000000000003EAA"].map(OrgId::new);
        let orgs = [&one, &two, &three].map(|org| (org.clone(), OrgSettings::default())).into();
        let decoders = Decoders::new(&Settings { orgs, ..Settings::default() });
        let of_one = decoders.take(&one).await.unwrap();
        assert!(matches!(decoders.take(&one).await, Err(Refusal::NotDecoded)));
        let of_two = decoders.take(&two).await.unwrap();
        assert!(matches!(decoders.take(&three).await, Err(Refusal::NotDecoded)));
        drop((of_one, of_two));
        decoders.take(&one).await.unwrap();
    }
}
