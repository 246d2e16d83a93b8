//! What Salesforce's events leave out: the user's class and role, the network's country and owner.

#[cfg(test)]
mod mmdb;
mod networks;
#[cfg(test)]
mod tests;

pub(crate) use networks::{Networks, NetworksError};

use super::common::Common;
use model::{Activity, OrgId, Text, UserId, id};
use salesforce_client::Client;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Fills what is missing from what was read of users, and of addresses.
#[derive(Debug, Default)]
pub(crate) struct Context {
    users: RwLock<Arc<Users>>,
    networks: Arc<Networks>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    #[error("the users cannot be read")]
    Salesforce(#[from] salesforce_client::Error),
    #[error("the rest of the calls of the day is left to others")]
    Calls,
}

/// At most [`MOST_USERS`], of about 150 bytes each.
type Users = HashMap<UserId, User>;

#[derive(Clone, Debug, Default, PartialEq)]
struct User {
    username: Option<Text>,
    user_type: Option<Text>,
    profile_id: Option<Text>,
    role_id: Option<Text>,
}

/// A user as Salesforce has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    id: Text,
    username: Option<Text>,
    user_type: Option<Text>,
    profile_id: Option<Text>,
    user_role_id: Option<Text>,
}

const MOST_USERS: usize = 200_000;
const BATCH: u16 = 2_000;
/// After a failure, unless users are read more often anyway.
const AGAIN: Duration = Duration::from_secs(300);

impl Context {
    pub(crate) fn new(networks: Arc<Networks>) -> Self {
        Self { users: RwLock::default(), networks }
    }

    /// Reads the users, and returns how many there are. What was known before is known until all are read.
    ///
    /// # Errors
    /// If a page cannot be read, or the calls left are not more than `floor`, a part of the day's from 0 to 1.
    pub(crate) async fn refresh(&self, client: &Client, floor: f64) -> Result<usize, ContextError> {
        // Without an order: there may be more users than Salesforce sorts in time.
        let query = format!(
            "SELECT Id, Username, UserType, ProfileId, UserRoleId FROM User WHERE IsActive = true LIMIT {MOST_USERS}"
        );
        let mut users = Users::new();
        let mut page = client.query(&query, BATCH).await?;
        loop {
            users.extend(page.rows::<Row>()?.into_iter().map(User::of));
            let Some(next) = page.next.filter(|_| users.len() < MOST_USERS) else { break };
            if client
                .usage()
                .is_some_and(|usage| usage.max.saturating_sub(usage.used) as f64 <= floor * usage.max as f64)
            {
                return Err(ContextError::Calls);
            }
            page = client.more(&next).await?;
        }
        let count = users.len();
        self.replace(users);
        Ok(count)
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
                Ok(users) => {
                    tracing::info!(%org, users, "users are read");
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
        }
        self.networks.enrich(activity);
    }

    fn replace(&self, users: Users) {
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
    }
}

impl User {
    fn of(row: Row) -> (UserId, Self) {
        let id = |id: Option<Text>| id.map(|id| id::normalize(&id));
        let user = Self {
            username: row.username,
            user_type: row.user_type,
            profile_id: id(row.profile_id),
            role_id: id(row.user_role_id),
        };
        (UserId::new(&row.id), user)
    }
}
