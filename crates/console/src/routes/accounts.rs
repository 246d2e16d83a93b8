//! Orgs and accounts.

use crate::access::Visitor;
use crate::body::{Account, Org, TimelineItem};
use crate::page::{self, AskedPage, Page};
use crate::problem::{BodyProblems, Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use model::{OrgId, Points, Timestamp, UserId, Uuid};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::AccountRow;
use utoipa::{IntoParams, ToSchema};

/// The account of a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfAccount {
    /// Salesforce id of the org.
    org_id: String,
    /// Salesforce id of the account.
    user_id: String,
}

impl OfAccount {
    /// Makes it of an account.
    pub(crate) fn new(org: &OrgId, user: &UserId) -> Self {
        Self { org_id: org.to_string(), user_id: user.to_string() }
    }

    /// Returns the org and the account.
    pub(crate) fn ids(&self) -> (OrgId, UserId) {
        (OrgId::new(&self.org_id), UserId::new(&self.user_id))
    }
}

/// List the orgs of the session
#[utoipa::path(get, path = "/v1/orgs", operation_id = "listOrgs", tag = "accounts",
    responses(
        (status = 200, description = "The orgs, by id", body = Vec<Org>),
        Problems))]
pub(crate) async fn orgs(State(app): State<App>, mut visitor: Visitor) -> Result<Json<Vec<Org>>, Problem> {
    let orgs = visitor.visit.orgs().await?;
    let eyes = app.eyes(&visitor.session);
    Ok(Json(orgs.iter().map(|row| Org::of(row, eyes)).collect()))
}

/// List the accounts of an org
///
/// Those that ever had a finding, the highest risk first.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/accounts", operation_id = "listAccounts", tag = "accounts",
    params(("org_id" = String, Path, description = "Salesforce id of the org"), AskedPage),
    responses(
        (status = 200, description = "A page of accounts", body = Page<Account>),
        Problems))]
pub(crate) async fn list(
    State(app): State<App>,
    mut visitor: Visitor,
    org: Result<Path<String>, PathRejection>,
    asked: Result<Query<AskedPage>, QueryRejection>,
) -> Result<Json<Page<Account>>, Problem> {
    let (Path(org), Query(asked)) = (org?, asked?);
    let (org, limit) = (OrgId::new(&org), page::limit(asked.limit)?);
    visitor.role_in(&org)?;
    let after = match asked.cursor.as_deref().map(page::place::<2>).transpose()? {
        Some([risk, user]) => Some((Points(risk.parse().map_err(|_| page::foreign())?), UserId::new(&user))),
        None => None,
    };
    let rows = visitor.visit.accounts(&org, after.as_ref().map(|(risk, user)| (*risk, user)), limit).await?;
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
    let last = rows.last().filter(|_| is_full);
    let next_cursor = last.map(|row| page::cursor(&[&row.risk_score.0.to_string(), row.user_id.as_str()]));
    let eyes = app.eyes(&visitor.session);
    Ok(Json(Page { items: rows.iter().map(|row| Account::of(row, eyes)).collect(), next_cursor }))
}

/// Read an account
#[utoipa::path(get, path = "/v1/orgs/{org_id}/accounts/{user_id}", operation_id = "readAccount", tag = "accounts",
    params(OfAccount),
    responses(
        (status = 200, description = "The account", body = Account),
        Problems))]
pub(crate) async fn one(
    State(app): State<App>,
    mut visitor: Visitor,
    path: Result<Path<OfAccount>, PathRejection>,
) -> Result<Json<Account>, Problem> {
    let (org, user) = path?.ids();
    let account = read(&mut visitor, &org, &user).await?;
    Ok(Json(Account::of(&account, app.eyes(&visitor.session))))
}

async fn read(visitor: &mut Visitor, org: &OrgId, user: &UserId) -> Result<AccountRow, Problem> {
    visitor.role_in(org)?;
    let found = visitor.visit.account(org, user).await?;
    found.ok_or_else(|| Problem::NotFound(format!("account {user} of org {org}: never had a finding")))
}

/// Read the timeline of an account
///
/// Its findings by event time, the latest first.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/accounts/{user_id}/timeline", operation_id = "listTimeline", tag = "accounts",
    params(OfAccount, AskedPage),
    responses(
        (status = 200, description = "A page of findings", body = Page<TimelineItem>),
        Problems))]
pub(crate) async fn timeline(
    State(app): State<App>,
    mut visitor: Visitor,
    path: Result<Path<OfAccount>, PathRejection>,
    asked: Result<Query<AskedPage>, QueryRejection>,
) -> Result<Json<Page<TimelineItem>>, Problem> {
    let ((org, user), Query(asked)) = (path?.ids(), asked?);
    let limit = page::limit(asked.limit)?;
    visitor.role_in(&org)?;
    let before = match asked.cursor.as_deref().map(page::place::<2>).transpose()? {
        Some([at, id]) => {
            let place = at.parse().ok().map(Timestamp).zip(id.parse::<Uuid>().ok());
            Some(place.ok_or_else(page::foreign)?)
        }
        None => None,
    };
    let rows = visitor.visit.timeline(&org, &user, before, limit).await?;
    let username = visitor.visit.username(&org, &user).await?.flatten();
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
    let last = rows.last().filter(|_| is_full);
    let next_cursor = last.map(|row| page::cursor(&[&row.at.0.to_string(), &row.finding_id.to_string()]));
    let (eyes, account) = (app.eyes(&visitor.session), (&org, &user, username.as_deref()));
    Ok(Json(Page { items: rows.iter().map(|row| TimelineItem::of(row, account, eyes)).collect(), next_cursor }))
}

/// Why a name is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    /// Why; it is recorded in the audit trail.
    #[schema(min_length = 1, max_length = 4000, pattern = r"^[^\x00]*[^\s\x00][^\x00]*$")]
    reason: String,
}

impl Reason {
    /// Makes it of a text.
    pub(crate) fn new(reason: &str) -> Self {
        Self { reason: reason.to_owned() }
    }
}

/// The name of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revealed {
    /// Its username; null where it is not known.
    pub(crate) username: Option<String>,
}

/// Show the name of an account
///
/// For a session that sees pseudonyms. The audit trail records who asked and why.
#[utoipa::path(post, path = "/v1/orgs/{org_id}/accounts/{user_id}/reveal", operation_id = "revealAccount", tag = "accounts",
    params(OfAccount),
    request_body = Reason,
    responses(
        (status = 200, description = "The name", body = Revealed),
        BodyProblems, Problems))]
pub(crate) async fn reveal(
    mut visitor: Visitor,
    path: Result<Path<OfAccount>, PathRejection>,
    body: Result<Json<Reason>, JsonRejection>,
) -> Result<Json<Revealed>, Problem> {
    let ((org, user), Json(Reason { reason })) = (path?.ids(), body?);
    if reason.trim().is_empty() || reason.contains('\0') || reason.chars().count() > 4_000 {
        return Err(Problem::Invalid("reason: say in 1 to 4,000 characters why the name is needed".to_owned()));
    }
    visitor.role_in(&org)?;
    let known = visitor.visit.username(&org, &user).await?;
    let username = known.ok_or_else(|| Problem::NotFound(format!("account {user} of org {org}: is not known")))?;
    let detail = json!({ "reason": reason });
    visitor.visit.audit(Some(&org), "name revealed", user.as_str(), &detail).await?;
    visitor.visit.commit().await?;
    Ok(Json(Revealed { username }))
}
