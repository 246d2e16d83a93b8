//! The active users of an org.

use super::{ContextError, rows};
use model::{Text, UserId, id};
use salesforce_client::Client;
use serde::Deserialize;
use std::collections::HashMap;

/// At most [`MAX_USERS`], of about 170 bytes each.
pub(super) type Users = HashMap<UserId, User>;

/// The fields of a user that activities may lack.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct User {
    pub(super) username: Option<Text>,
    pub(super) user_type: Option<Text>,
    pub(super) profile_id: Option<Text>,
    pub(super) role_id: Option<Text>,
    /// `None` if not known.
    pub(super) administers: Option<bool>,
}

/// Reads the users, without whether they may administer.
///
/// # Errors
/// If a page cannot be read, or for lack of API calls, see [`rows`].
pub(super) async fn read(client: &Client, floor: f64) -> Result<Users, ContextError> {
    // Without an order: Salesforce may not sort so many users in time.
    let query = format!(
        "SELECT Id, Username, UserType, ProfileId, UserRoleId FROM User WHERE IsActive = true LIMIT {MAX_USERS}"
    );
    let mut users = Users::new();
    rows(client, &query, floor, |row: Row| users.extend([User::of(row)])).await?;
    Ok(users)
}

/// The most users that are read. A choice that bounds memory.
const MAX_USERS: usize = 200_000;

/// A row of the query.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    id: Text,
    username: Option<Text>,
    user_type: Option<Text>,
    profile_id: Option<Text>,
    user_role_id: Option<Text>,
}

impl User {
    fn of(row: Row) -> (UserId, Self) {
        let id = |id: Option<Text>| id.map(|id| id::normalize(&id));
        let user = Self {
            username: row.username,
            user_type: row.user_type,
            profile_id: id(row.profile_id),
            role_id: id(row.user_role_id),
            administers: None,
        };
        (UserId::new(&row.id), user)
    }
}
