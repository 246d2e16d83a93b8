//! Rows of users, profiles, roles and permission sets, derived from the events.

use crate::org::Org;
use crate::script::PermissionSet;
use crate::timeline::Account;
use crate::value;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

type Rows = Vec<Arc<Map<String, Value>>>;

#[derive(Debug)]
pub(crate) struct StandardRows {
    permission_sets: Vec<PermissionSet>,
    /// The rows that do not change with time, by object.
    fixed: OnceLock<BTreeMap<&'static str, Rows>>,
}

impl StandardRows {
    pub(crate) fn new(permission_sets: Vec<PermissionSet>) -> Self {
        Self { permission_sets, fixed: OnceLock::new() }
    }

    pub(crate) fn rows(&self, org: &Org, object: &str) -> Rows {
        let mut found = self.fixed.get_or_init(|| make(org, &self.permission_sets)).get(object).cloned();
        if object == ASSIGNMENTS {
            found.get_or_insert_default().extend(assigned(org, &self.permission_sets));
        }
        found.unwrap_or_default()
    }
}

const ASSIGNMENTS: &str = "PermissionSetAssignment";

fn make(org: &Org, permission_sets: &[PermissionSet]) -> BTreeMap<&'static str, Rows> {
    let accounts = || org.timeline.users.iter();
    let profiles: BTreeSet<&str> = accounts().map(|(_, account)| account.profile_id.as_str()).collect();
    let roles: BTreeSet<&str> = accounts().map(|(_, account)| account.role_id.as_str()).collect();
    let named =
        |ids: &BTreeSet<&str>, row: fn(&str) -> Value| rows(ids.iter().filter(|id| !id.is_empty()).map(|id| row(id)));
    let organization = json!({
        "Id": org.id,
        "Name": "Fake Org",
        "OrganizationType": "Enterprise Edition",
        "IsSandbox": false,
        "InstanceName": "FAKE1",
        "TimeZoneSidKey": "Europe/Berlin",
        "CreatedDate": LONG_AGO,
    });
    BTreeMap::from([
        ("Organization", rows([organization])),
        ("User", rows(accounts().map(|(id, account)| user(id, account)))),
        ("UserRole", named(&roles, |id| json!({ "Id": id, "Name": role_name(id) }))),
        (
            "Profile",
            named(
                &profiles,
                |id| json!({ "Id": id, "Name": profile_name(id), "UserType": "Standard", "CreatedDate": LONG_AGO }),
            ),
        ),
        ("PermissionSet", sets(&profiles, permission_sets)),
        (
            ASSIGNMENTS,
            rows(accounts().filter(|(_, account)| !account.profile_id.is_empty()).map(|(id, account)| {
                let own = PermissionSet { name: own_set(&account.profile_id), ..PermissionSet::default() };
                assignment(id, account, &own)
            })),
        ),
    ])
}

/// When everything in the org was created: before any script starts.
const LONG_AGO: &str = "2020-01-01T00:00:00.000+0000";

fn user(id: &str, account: &Account) -> Value {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    json!({
        "Id": id,
        "Username": account.username,
        "Name": account.username.split('@').next(),
        "IsActive": true,
        "UserType": given(&account.user_type).unwrap_or_else(|| "Standard".to_owned()),
        "ProfileId": given(&account.profile_id),
        "UserRoleId": given(&account.role_id),
        "Profile.Name": given(&account.profile_id).map(|id| profile_name(&id)),
        "UserRole.Name": given(&account.role_id).map(|id| role_name(&id)),
        "CreatedDate": LONG_AGO,
        "LastModifiedDate": LONG_AGO,
        "SystemModstamp": LONG_AGO,
    })
}

/// The permission sets that profiles own, and the others.
fn sets(profiles: &BTreeSet<&str>, given: &[PermissionSet]) -> Rows {
    let own = profiles.iter().filter(|id| !id.is_empty()).map(|id| {
        let name = own_set(id);
        let set = given.iter().find(|set| set.name == name).cloned();
        permission_set(&set.unwrap_or_else(|| PermissionSet { name, ..PermissionSet::default() }), Some(id))
    });
    let is_own = |set: &PermissionSet| profiles.iter().any(|id| own_set(id) == set.name);
    rows(own.chain(given.iter().filter(|set| !is_own(set)).map(|set| permission_set(set, None))))
}

/// A permission set; `profile` is the profile that owns it, if any.
fn permission_set(set: &PermissionSet, profile: Option<&str>) -> Value {
    let may = |permission: &str| set.permissions.iter().any(|given| given == permission);
    json!({
        "Id": value::id("0PS", &set.name),
        "Name": set.name,
        "Label": profile.map_or_else(|| set.name.clone(), profile_name),
        "Type": if profile.is_some() { "Profile" } else if set.is_group { "Group" } else { "Regular" },
        "ProfileId": profile,
        "IsOwnedByProfile": profile.is_some(),
        "PermissionsModifyAllData": may("ModifyAllData"),
        "PermissionsViewAllData": may("ViewAllData"),
        "PermissionsManageUsers": may("ManageUsers"),
        "PermissionsAuthorApex": may("AuthorApex"),
        "CreatedDate": LONG_AGO,
    })
}

/// The assignments of the given sets at the org's time.
fn assigned(org: &Org, given: &[PermissionSet]) -> Rows {
    let now = org.clock.now();
    rows(given.iter().flat_map(|set| {
        let having = set.assigned.iter().filter(|(_, time)| time.contains(&now));
        let accounts = having.filter_map(|(id, _)| org.timeline.users.get_key_value(id));
        accounts.map(|(id, account)| assignment(id, account, set))
    }))
}

fn assignment(user: &str, account: &Account, set: &PermissionSet) -> Value {
    json!({
        "Id": value::id("0Pa", &format!("{user}{}", set.name)),
        "AssigneeId": user,
        "Assignee.Username": account.username,
        "Assignee.IsActive": true,
        "PermissionSetId": value::id("0PS", &set.name),
        "PermissionSetGroupId": set.is_group.then(|| value::id("0PG", &set.name)),
        "PermissionSet.Name": set.name,
        "PermissionSet.IsOwnedByProfile": set.name == own_set(&account.profile_id),
    })
}

/// The name of the permission set that a profile owns.
fn own_set(profile: &str) -> String {
    format!("X{profile}")
}

fn profile_name(id: &str) -> String {
    format!("Profile {}", id.get(..15).unwrap_or(id))
}

fn role_name(id: &str) -> String {
    format!("Role {}", id.get(..15).unwrap_or(id))
}

fn rows(values: impl IntoIterator<Item = Value>) -> Rows {
    let objects = values.into_iter().filter_map(|value| match value {
        Value::Object(fields) => Some(Arc::new(fields)),
        _ => None,
    });
    objects.collect()
}
