//! What Salesforce's events leave out: the user's type and role, whether the user may administer, the network's country
//! and owner.

#[cfg(test)]
mod mmdb;
mod networks;
mod permissions;
#[cfg(test)]
mod tests;
mod users;

pub(crate) use networks::{Networks, NetworksError};
pub(crate) use permissions::are_seen as permissions_are_seen;

use super::common::{Common, is_used_up};
use model::{Activity, OrgId};
use salesforce_client::{Client, Error, Trouble};
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use users::Users;

/// Fills what is missing from what was read of users, and of addresses.
#[derive(Debug, Default)]
pub(crate) struct Context {
    users: RwLock<Arc<Users>>,
    networks: Arc<Networks>,
    /// Whether it was said that nobody knows who may administer.
    is_told: AtomicBool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    #[error("the users cannot be read")]
    Salesforce(#[from] Error),
    #[error("the rest of the calls of the day is left to others")]
    Calls,
    #[error("there are more assignments of permission sets than are read")]
    Assignments,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Refreshed {
    pub(crate) users: usize,
    /// Of how many of them it is known whether they may administer.
    pub(crate) rights: usize,
    /// Why that was not read, if it was not.
    pub(crate) problem: Option<ContextError>,
}

const BATCH: u16 = 2_000;
/// After a failure, unless users are read more often anyway.
const AGAIN: Duration = Duration::from_secs(300);

impl Context {
    pub(crate) fn new(networks: Arc<Networks>) -> Self {
        Self { networks, ..Self::default() }
    }

    /// Reads the users, and which of them may administer if the org lets us. What was known before is known until all
    /// is read.
    ///
    /// # Errors
    /// If a page cannot be read, or the calls left are not more than `floor`, a part of the day's from 0 to 1.
    pub(crate) async fn refresh(&self, client: &Client, floor: f64) -> Result<Refreshed, ContextError> {
        let mut users = users::read(client, floor).await?;
        let (rights, problem) = match permissions::read(client, floor).await {
            Ok(rights) => (rights, None),
            Err(problem) if problem.is_lasting() => (Default::default(), Some(problem)),
            Err(error) => return Err(error),
        };
        let mut refreshed = Refreshed { users: users.len(), rights: 0, problem };
        for (id, administers) in rights {
            if let Some(user) = users.get_mut(&id) {
                user.administers = Some(administers);
                refreshed.rights += 1;
            }
        }
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
        Ok(refreshed)
    }

    /// Reads the users every `context_seconds` until `shutdown`; never if that is 0.
    pub(crate) async fn run(&self, common: &Common, shutdown: CancellationToken) {
        let every = Duration::from_secs(common.settings.context_seconds.into());
        let org: &OrgId = &common.org;
        while !every.is_zero() {
            let refreshed = tokio::select! {
                () = shutdown.cancelled() => return,
                refreshed = self.refresh(&common.client, common.settings.calls_floor) => refreshed,
            };
            let pause = match refreshed {
                Ok(refreshed) => {
                    tracing::info!(%org, users = refreshed.users, rights = refreshed.rights, "users are read");
                    self.tell(org, refreshed.problem.as_ref());
                    every
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%org, error, "users stay as they were read before");
                    every.min(AGAIN)
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Fills fields that are absent; changes none that is there.
    pub(crate) fn enrich(&self, activity: &mut Activity) {
        let users = Arc::clone(&self.users.read().unwrap_or_else(PoisonError::into_inner));
        if let Some(user) = users.get(&activity.user_id) {
            let fields = [
                (&mut activity.username, &user.username),
                (&mut activity.user_type, &user.user_type),
                (&mut activity.profile_id, &user.profile_id),
                (&mut activity.role_id, &user.role_id),
            ];
            for (field, known) in fields {
                if field.is_none() {
                    field.clone_from(known);
                }
            }
            activity.administers = activity.administers.or(user.administers);
        }
        self.networks.enrich(activity);
    }

    /// Says once what keeps it from being read who may administer, and once more if it comes again.
    fn tell(&self, org: &OrgId, problem: Option<&ContextError>) {
        let was_told = self.is_told.swap(problem.is_some(), Ordering::Relaxed);
        if let Some(problem) = problem.filter(|_| !was_told) {
            let problem = problem.brief();
            tracing::warn!(%org, problem, "who may administer is not known: View Setup and Configuration shows it");
        }
    }
}

impl ContextError {
    /// Whether it will be the same the next time, of what can be done without.
    fn is_lasting(&self) -> bool {
        match self {
            Self::Salesforce(error) => {
                matches!(error.trouble(), Trouble::Denied | Trouble::Query | Trouble::QueryTimeout)
            }
            Self::Assignments => true,
            Self::Calls => false,
        }
    }

    /// Without the text of a query, which Salesforce's message may quote.
    fn brief(&self) -> String {
        match self {
            Self::Salesforce(Error::Refused { code, .. }) => code.clone(),
            other => other.to_string(),
        }
    }
}

/// Hands each row of a query to `take`, page after page, and returns how many there were.
///
/// # Errors
/// If a page cannot be read, or if there are more of them, and the calls left are not more than `floor`.
async fn rows<T: DeserializeOwned>(
    client: &Client,
    query: &str,
    floor: f64,
    mut take: impl FnMut(T),
) -> Result<usize, ContextError> {
    let mut page = client.query(query, BATCH).await?;
    let mut count = 0;
    loop {
        count += page.records;
        page.rows()?.into_iter().for_each(&mut take);
        let Some(next) = page.next else { return Ok(count) };
        if client.usage().is_some_and(|usage| is_used_up(usage, floor)) {
            return Err(ContextError::Calls);
        }
        page = client.more(&next).await?;
    }
}
