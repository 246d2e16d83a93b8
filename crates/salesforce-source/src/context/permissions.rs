//! Which users may administer the org, by their profile or an assigned permission set.

#[cfg(test)]
mod tests;

use super::{ContextError, rows};
use model::{Text, UserId, id};
use salesforce_client::{Client, Error};
use serde::Deserialize;
use std::collections::HashMap;

/// Returns whether each user may administer. Users without a set, or with a set that was not read, are left out: every
/// profile has a set of its own, so not all sets are visible to us then.
///
/// # Errors
/// If a page cannot be read, if there are more than [`MAX_ASSIGNMENTS`], or for lack of API calls, see [`rows`].
pub(super) async fn read(client: &Client, floor: f64) -> Result<HashMap<UserId, bool>, ContextError> {
    let mut sets = Sets::new();
    rows(client, SETS, floor, |set: Set| sets.extend([(id::normalize(&set.id), set.administers())])).await?;
    let mut users = Users::new();
    let query = format!("{ASSIGNMENTS} LIMIT {}", MAX_ASSIGNMENTS + 1);
    if rows(client, &query, floor, |row: Assignment| add(&mut users, &sets, &row)).await? > MAX_ASSIGNMENTS {
        return Err(ContextError::Assignments);
    }
    Ok(users.into_iter().filter_map(|(id, administers)| Some((id, administers?))).collect())
}

/// Returns whether permission sets and assignments are visible to us.
///
/// # Errors
/// If one of the queries fails.
pub(crate) async fn are_visible(client: &Client) -> Result<bool, Error> {
    let (sets, assignments) = (format!("{SETS} LIMIT 1"), format!("{ASSIGNMENTS} LIMIT 1"));
    Ok(client.query(&sets, 1).await?.records > 0 && client.query(&assignments, 1).await?.records > 0)
}

const SETS: &str = "SELECT Id, PermissionsModifyAllData, PermissionsViewAllData, PermissionsManageUsers, \
                    PermissionsAuthorApex FROM PermissionSet";
const ASSIGNMENTS: &str =
    "SELECT AssigneeId, PermissionSetId FROM PermissionSetAssignment WHERE Assignee.IsActive = true";
/// Five for each of the most users that are read. A choice.
const MAX_ASSIGNMENTS: usize = 1_000_000;

/// Whether each set lets its users administer, by its id.
type Sets = HashMap<Text, bool>;
/// Whether each user may administer; `None` for a user with a set that was not read.
type Users = HashMap<UserId, Option<bool>>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Set {
    id: Text,
    permissions_modify_all_data: bool,
    permissions_view_all_data: bool,
    permissions_manage_users: bool,
    permissions_author_apex: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Assignment {
    assignee_id: Text,
    permission_set_id: Option<Text>,
}

fn add(users: &mut Users, sets: &Sets, row: &Assignment) {
    let by_set = row.permission_set_id.as_deref().and_then(|id| sets.get(&id::normalize(id)));
    let administers = users.entry(UserId::new(&row.assignee_id)).or_insert(Some(false));
    *administers = administers.zip(by_set).map(|(already, by_set)| already || *by_set);
}

impl Set {
    fn administers(&self) -> bool {
        self.permissions_modify_all_data
            || self.permissions_view_all_data
            || self.permissions_manage_users
            || self.permissions_author_apex
    }
}
