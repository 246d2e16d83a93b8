//! Rows of objects that every org has: its people and their rights, as its events tell of them.

use crate::org::Org;
use crate::tape::Account;
use crate::value;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

type Rows = Vec<Arc<Map<String, Value>>>;

#[derive(Debug, Default)]
pub(crate) struct StandardRows(OnceLock<BTreeMap<&'static str, Rows>>);

impl StandardRows {
    pub(crate) fn rows(&self, org: &Org, object: &str) -> Rows {
        self.0.get_or_init(|| make(org)).get(object).cloned().unwrap_or_default()
    }
}

fn make(org: &Org) -> BTreeMap<&'static str, Rows> {
    let accounts = || org.tape.users.iter();
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
        (
            "PermissionSet",
            named(&profiles, |id| {
                json!({
                    "Id": value::id("0PS", id),
                    "Name": format!("X{id}"),
                    "Label": profile_name(id),
                    "ProfileId": id,
                    "IsOwnedByProfile": true,
                    "CreatedDate": LONG_AGO,
                })
            }),
        ),
        (
            "PermissionSetAssignment",
            rows(accounts().filter(|(_, account)| !account.profile_id.is_empty()).map(|(id, account)| {
                json!({
                    "Id": value::id("0Pa", id),
                    "AssigneeId": id,
                    "Assignee.Username": account.username,
                    "PermissionSetId": value::id("0PS", &account.profile_id),
                    "PermissionSet.Name": format!("X{}", account.profile_id),
                    "PermissionSet.IsOwnedByProfile": true,
                })
            })),
        ),
    ])
}

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
