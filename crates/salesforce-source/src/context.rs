//! Adds to activities what Salesforce's events leave out: the user's name, type, profile and role, whether the user may
//! administer the org, and the country and owner of the network.

#[cfg(test)]
mod mmdb;
mod networks;
mod permissions;
#[cfg(test)]
mod tests;
mod users;

pub(crate) use networks::Networks;
pub(crate) use permissions::are_visible as permissions_are_visible;

use crate::common::{Common, is_used_up};
use model::{Activity, OrgId};
use runtime::error::chain;
use salesforce_client::{Client, Error, Trouble};
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use users::Users;

/// Users and networks, as they were last read.
#[derive(Debug, Default)]
pub(crate) struct Context {
    users: RwLock<Arc<Users>>,
    networks: Arc<Networks>,
    /// Whether the current problem with permission sets was logged.
    is_logged: AtomicBool,
}

/// Why users could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    #[error("the users cannot be read")]
    Salesforce(#[from] Error),
    #[error("only the reserve of the day's API calls is left")]
    Calls,
    #[error("the org has more assignments of permission sets than orgwatch reads")]
    Assignments,
}

/// The outcome of a reading.
#[derive(Debug)]
pub(crate) struct Refreshed {
    pub(crate) users: usize,
    /// For how many of them it is known whether they may administer.
    pub(crate) rights: usize,
    /// Why permission sets were not read, if they were not.
    pub(crate) problem: Option<ContextError>,
}

/// Rows of a page: the most that Salesforce returns at once.
const BATCH: u16 = 2_000;
/// How long to wait after a failure, unless `context_seconds` is shorter.
const RETRY: Duration = Duration::from_secs(300);

impl Context {
    pub(crate) fn new(networks: Arc<Networks>) -> Self {
        Self { networks, ..Self::default() }
    }

    /// Reads the users and, if the org permits it, which of them may administer. The users of the reading before are
    /// replaced once all pages are read.
    ///
    /// # Errors
    /// If a page cannot be read, or only the reserve of API calls is left: `floor`, from 0 to 1 of the day's calls.
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
                    tracing::info!(%org, users = refreshed.users, rights = refreshed.rights, "users read");
                    self.log(org, refreshed.problem.as_ref());
                    every
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%org, error, "users cannot be read, those of the reading before stay in use");
                    every.min(RETRY)
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Fills absent fields, and changes no others.
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

    /// Logs a problem with permission sets when it begins, and again after it has passed and come back.
    fn log(&self, org: &OrgId, problem: Option<&ContextError>) {
        let was_logged = self.is_logged.swap(problem.is_some(), Ordering::Relaxed);
        if let Some(problem) = problem.filter(|_| !was_logged) {
            let problem = problem.brief();
            tracing::warn!(%org, problem, "administrators are not known: give the user View Setup and Configuration");
        }
    }
}

impl ContextError {
    /// Returns whether a reading of permission sets would fail again: users are then used without them.
    fn is_lasting(&self) -> bool {
        match self {
            Self::Salesforce(error) => {
                matches!(error.trouble(), Trouble::Denied | Trouble::Query | Trouble::QueryTimeout)
            }
            Self::Assignments => true,
            Self::Calls => false,
        }
    }

    /// Returns the error without the query, which Salesforce's message may quote.
    fn brief(&self) -> String {
        match self {
            Self::Salesforce(Error::Refused { code, .. }) => code.clone(),
            other => chain(other),
        }
    }
}

/// Passes each row of a query to `take`, page after page, and returns their number.
///
/// # Errors
/// If a page cannot be read, or if there is a further page and only the reserve of API calls is left, see
/// [`Context::refresh`].
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
