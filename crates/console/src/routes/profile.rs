//! What was learned of an account.

use super::accounts::OfAccount;
use crate::access::Visitor;
use crate::body::ProfileBody;
use crate::problem::{Problem, Problems};
use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use profile::StoredAccount;

/// Read what was learned of an account
///
/// In words and figures, as of the last checkpoint of baseline; also of accounts that never had a finding.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/accounts/{user_id}/profile", operation_id = "readProfile", tag = "accounts",
    params(OfAccount),
    responses(
        (status = 200, description = "What was learned", body = ProfileBody),
        Problems))]
pub(crate) async fn one(
    mut visitor: Visitor,
    path: Result<Path<OfAccount>, PathRejection>,
) -> Result<Json<ProfileBody>, Problem> {
    let (org, user) = path?.ids();
    visitor.role_in(&org)?;
    let entries = visitor.visit.state(&org, &StoredAccount::keys(&user)).await?.into_iter();
    let records = entries.map(|(partition, entry)| (partition, entry.key, entry.bytes));
    let stored = StoredAccount::by_partition(&user, records)?;
    let accounts: Vec<&StoredAccount> = stored.values().collect();
    // After a change of partitions, what an earlier one has is older.
    let Some((partition, latest)) = stored.iter().max_by_key(|(_, account)| account.clock()) else {
        if visitor.visit.account(&org, &user).await?.is_none() {
            let unknown = format!("account {user} of org {org}: neither a profile nor a finding is stored");
            return Err(Problem::NotFound(unknown));
        }
        return Ok(Json(ProfileBody::of((&org, &user), &[], None)));
    };
    let mut records = visitor.visit.state(&org, &latest.learned_keys()).await?;
    records.retain(|(of, _)| of == partition);
    let records = records.iter().map(|(_, entry)| (entry.key.as_str(), entry.bytes.as_slice()));
    let learned = latest.learned(records)?;
    Ok(Json(ProfileBody::of((&org, &user), &accounts, Some((latest, &learned)))))
}
