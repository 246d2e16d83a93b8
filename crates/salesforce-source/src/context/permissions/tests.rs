use super::super::tests::{activity, org, user_id};
use super::super::{Context, ContextError};
use super::*;
use fake_org::{Fault, Misbehavior, PermissionSet};
use model::Timestamp;
use model::time::HOUR;
use std::ops::Range;

/// Returns a range of hours after the start of the fake org's clock.
fn hours(hours: Range<i64>) -> Range<Timestamp> {
    let noon = Timestamp::parse("2026-03-02T12:00:00Z").unwrap();
    noon.plus(hours.start * HOUR)..noon.plus(hours.end * HOUR)
}

fn set(name: &str, permission: &str, assigned: &[(usize, Range<i64>)]) -> PermissionSet {
    PermissionSet {
        name: name.to_owned(),
        permissions: vec![permission.to_owned()],
        assigned: assigned.iter().map(|(user, during)| (user_id(*user), hours(during.clone()))).collect(),
        ..PermissionSet::default()
    }
}

/// Returns whether the user of an activity may administer, as the context adds it.
fn administrator(context: &Context, user: usize) -> Option<bool> {
    let mut activity = activity(&user_id(user), "");
    context.enrich(&mut activity);
    activity.administers
}

/// Reads all of the 450 users.
async fn refresh(context: &Context, client: &Client) {
    let refreshed = context.refresh(client, 0.2).await.unwrap();
    assert!(refreshed.problem.is_none(), "{refreshed:?}");
    assert_eq!((refreshed.users, refreshed.rights), (450, 450));
}

#[tokio::test]
async fn an_assignment_counts_after_the_next_reading() {
    let group = PermissionSet { is_group: true, ..set("Managers", "ManageUsers", &[(3, 1..9)]) };
    let export = set("Export", "EditReports", &[(1, 0..9), (2, 1..9)]);
    let (fake, client) = org(vec![group, export, set("Deploy", "AuthorApex", &[(4, 1..2)])]).await;
    let context = Context::default();
    let all = || [0, 1, 2, 3, 4].map(|user| administrator(&context, user));
    assert_eq!(all(), [None; 5], "nothing is read yet");
    refresh(&context, &client).await;
    assert_eq!(all(), [Some(false); 5]);

    fake.control().advance_to(hours(1..9).start);
    assert_eq!(all(), [Some(false); 5], "before the next reading");
    refresh(&context, &client).await;
    assert_eq!(all(), [false, false, false, true, true].map(Some));

    fake.control().advance_to(hours(2..9).start);
    refresh(&context, &client).await;
    assert_eq!(administrator(&context, 4), Some(false), "an assignment that was removed");
}

#[tokio::test]
async fn a_profile_may_administer() {
    let (_fake, client) = org(vec![set("X00ehn000000Sale", "ManageUsers", &[])]).await;
    let context = Context::default();
    refresh(&context, &client).await;
    assert_eq!(administrator(&context, 1), Some(true));
}

#[tokio::test]
async fn a_value_of_the_activity_stays() {
    let (_fake, client) = org(Vec::new()).await;
    let context = Context::default();
    refresh(&context, &client).await;
    let mut known = activity(&user_id(1), "");
    known.administers = Some(true);
    context.enrich(&mut known);
    assert_eq!(known.administers, Some(true));
}

#[tokio::test]
async fn users_are_read_without_permission_sets_if_these_are_denied() {
    let (fake, client) = org(Vec::new()).await;
    let context = Context::default();
    let check = async |fault: Misbehavior, code: &str| {
        refresh(&context, &client).await;
        assert_eq!(administrator(&context, 1), Some(false));
        fake.control().misbehave(fault);
        let refreshed = context.refresh(&client, 0.2).await.unwrap();
        assert_eq!((refreshed.users, refreshed.rights), (450, 0));
        assert_eq!(refreshed.problem.unwrap().brief(), code);
        assert_eq!(administrator(&context, 1), None);
        let mut known = activity(&user_id(1), "");
        context.enrich(&mut known);
        assert_eq!(known.username.as_deref(), Some("user1@acme.example"));
        fake.control().calm();
    };
    let hidden = |field: &str| Fault::FieldHidden { field: field.to_owned() };
    check(Fault::ObjectMissing.on("PermissionSet"), "INVALID_TYPE").await;
    check(Fault::ObjectMissing.on("PermissionSetAssignment"), "INVALID_TYPE").await;
    check(hidden("PermissionsAuthorApex").on("PermissionSet"), "INVALID_FIELD").await;
    check(hidden("AssigneeId").on("PermissionSetAssignment"), "INVALID_FIELD").await;

    assert!(are_visible(&client).await.unwrap());
    fake.control().misbehave(Fault::ObjectMissing.on("PermissionSet"));
    are_visible(&client).await.unwrap_err();
}

#[tokio::test]
async fn a_failed_reading_keeps_the_one_before() {
    let (fake, client) = org(vec![set("Deploy", "AuthorApex", &[(1, 0..1)])]).await;
    let context = Context::default();
    refresh(&context, &client).await;
    fake.control().advance_to(hours(1..2).start);
    fake.control().misbehave(Fault::BodyCut { after: 100 }.on("PermissionSetAssignment"));
    let error = context.refresh(&client, 0.2).await.unwrap_err();
    assert!(matches!(error, ContextError::Salesforce(_)), "{error}");
    assert_eq!(administrator(&context, 1), Some(true));
    fake.control().calm();
    refresh(&context, &client).await;
    assert_eq!(administrator(&context, 1), Some(false));
}

fn set_id(number: usize) -> Text {
    format!("0PShn{number:010}").into()
}

/// Adds assignments of these sets to one user, one after the other. Of the six sets only the last one administers.
fn administers(ids: &[Option<Text>]) -> Option<bool> {
    let sets = (0..6).map(|number| (id::normalize(&set_id(number)), number == 5)).collect();
    let mut users = Users::new();
    for permission_set_id in ids.iter().cloned() {
        add(&mut users, &sets, &Assignment { assignee_id: "005hn0000000001".into(), permission_set_id });
    }
    assert!(users.len() <= 1);
    users.into_values().next().flatten()
}

#[test]
fn each_of_four_permissions_administers() {
    let permissions = ["ModifyAllData", "ViewAllData", "ManageUsers", "AuthorApex"];
    let row = |has: &str| {
        let fields = permissions.iter().map(|name| format!(r#""Permissions{name}":{}"#, *name == has));
        let fields = fields.collect::<Vec<_>>().join(",");
        serde_json::from_str::<Set>(&format!(r#"{{"Id":"0PS",{fields}}}"#)).unwrap()
    };
    assert!(permissions.iter().all(|has| row(has).administers()));
    assert!(!row("EditTask").administers());
}

#[test]
fn a_user_with_an_unread_set_is_unknown() {
    let (plain, administering) = (Some(set_id(0)), Some(set_id(5)));
    let check = |ids: &[Option<Text>], expect| assert_eq!(administers(ids), expect, "{ids:?}");
    check(&[], None);
    check(&[plain.clone(), Some(set_id(9))], None);
    check(&[None, plain.clone()], None);
    check(&[administering.clone(), None], None);
    check(&[plain.clone(), plain.clone()], Some(false));
    check(&[administering.clone(), plain.clone()], Some(true));
    check(&[plain, administering.map(|id| id::normalize(&id))], Some(true));
}
