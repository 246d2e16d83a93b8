//! Settings: behind a hash, of an org, and what was decided on them.

use crate::access::Visitor;
use crate::body::{DecidedBody, FollowedBody, StoredSettings};
use crate::decide::{self, DecidedSettings, SettingsStanding, Standing, decided};
use crate::org_settings::without_other_orgs;
use crate::problem::{Conflicts, Problem, Problems};
use crate::server::App;
use ::settings::Hashed;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, header};
use model::{OrgId, Text};
use std::sync::Arc;

/// Read settings
///
/// By the hash that receipts and findings carry. Those that other orgs alone have decided do not exist for a session.
#[utoipa::path(get, path = "/v1/settings/{hash}", operation_id = "readSettings", tag = "operations",
    params(("hash" = String, Path, description = "The hash")),
    responses(
        (status = 200, description = "The settings", body = StoredSettings),
        Problems))]
pub(crate) async fn one(
    State(app): State<App>,
    mut visitor: Visitor,
    hash: Result<Path<String>, PathRejection>,
) -> Result<Json<StoredSettings>, Problem> {
    let Path(hash) = hash?;
    let in_force = Arc::clone(&app.rules.borrow());
    let (hash, toml) = if in_force.hash.as_str() == hash {
        // Another org may have decided the same ones.
        (in_force.hash.clone(), in_force.settings.stored()?)
    } else {
        let found = visitor.visit.settings(&[Text::from(hash.as_str())]).await?.pop();
        found.ok_or_else(|| Problem::NotFound(format!("settings {hash}: this session has no such settings")))?
    };
    let toml = without_other_orgs(&toml, &visitor.session);
    let toml = toml.ok_or_else(|| Problem::NotFound(format!("settings {hash}: a later version has stored them")))?;
    Ok(Json(StoredSettings { hash: hash.to_string(), toml }))
}

/// Read the settings of an org
///
/// Those that it follows now. A decision of kind `settings` changes them, and one that undoes that takes the change back. The
/// tag is that of the settings over which the next decision is laid: decisions that wait are in force by then.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/settings", operation_id = "readOrgSettings", tag = "operations",
    params(("org_id" = String, Path, description = "Salesforce id of the org")),
    responses(
        (status = 200, description = "The settings", body = FollowedBody,
            headers(("etag" = String, description = "Send it as `if-match` with a decision on them"))),
        Conflicts, Problems))]
pub(crate) async fn of_org(
    State(app): State<App>,
    mut visitor: Visitor,
    org: Result<Path<String>, PathRejection>,
) -> Result<([(HeaderName, String); 1], Json<FollowedBody>), Problem> {
    let Path(org) = org?;
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    let decided = decided(&mut visitor, &org).await?;
    let followed = in_force(&app, &decided)?;
    let toml = without_other_orgs(&followed.settings.stored()?, &visitor.session);
    let waiting = decided.all().filter(|(_, standing)| *standing == SettingsStanding::Waiting);
    let next = decided.clock().map(|clock| decided.at(clock)).transpose()?.flatten();
    let tag = tag(&next.map_or_else(|| app.rules.borrow().hash.clone(), |next| next.hash));
    let body = FollowedBody {
        org_id: org.to_string(),
        hash: followed.hash.to_string(),
        toml: toml.ok_or(Problem::Internal)?,
        decision_id: decided.followed().map(|decision| decision.decision_id.to_string()),
        waiting: waiting.map(|(decision, _)| decision.decision_id.to_string()).collect(),
    };
    Ok(([(header::ETAG, tag)], Json(body)))
}

/// Returns the tag of settings by their hash.
pub(crate) fn tag(hash: &Text) -> String {
    format!("\"{hash}\"")
}

/// List decisions on the settings of an org
///
/// Each with what it changed, the latest last.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/settings/history", operation_id = "listOrgSettings", tag = "operations",
    params(("org_id" = String, Path, description = "Salesforce id of the org")),
    responses(
        (status = 200, description = "The decisions", body = Vec<DecidedBody>),
        Conflicts, Problems))]
pub(crate) async fn history(
    State(app): State<App>,
    mut visitor: Visitor,
    org: Result<Path<String>, PathRejection>,
) -> Result<Json<Vec<DecidedBody>>, Problem> {
    let Path(org) = org?;
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    let decided = decided(&mut visitor, &org).await?;
    let standard = Arc::clone(&app.rules.borrow());
    let eyes = app.eyes(&visitor.session);
    let (mut before, mut listed) = (Some(standard.settings.clone()), Vec::new());
    for (decision, standing) in decided.all() {
        // Those that a later version has stored cannot be compared.
        let after = decide::read(decision).ok().flatten().map(|read| read.settings);
        let changes = before.as_ref().zip(after.as_ref()).map(|(before, after)| before.changes(after));
        listed.push(DecidedBody::of(decision, standing, changes.transpose()?, eyes));
        // The next one was laid over what then held.
        if standing != SettingsStanding::Other(Standing::Undone) {
            before = after;
        }
    }
    Ok(Json(listed))
}

/// Returns the settings that an org follows.
///
/// # Errors
/// If the database does not answer, or a later version has stored them.
pub(crate) async fn followed(app: &App, visitor: &mut Visitor, org: &OrgId) -> Result<Hashed, Problem> {
    in_force(app, &decided(visitor, org).await?)
}

fn in_force(app: &App, decided: &DecidedSettings) -> Result<Hashed, Problem> {
    let own = decided.followed().map(decide::read).transpose()?.flatten();
    Ok(own.unwrap_or_else(|| app.rules.borrow().as_ref().clone()))
}
