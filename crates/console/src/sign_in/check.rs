//! Whether a person who signed in still has access: the provider is asked for the present groups while a session is in use.

use super::provider::ProviderError;
use super::{Kept, SignIn, groups, id_token, sealed};
use crate::server::App;
use model::{OrgId, Uuid};
use runtime::clock::now;
use runtime::error::chain;
use secrecy::SecretString;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use store::{Check, StoreError, Visit};

/// For how many seconds one caller may ask the provider. A choice: with `check_seconds` still below a minute.
const LEASE: u32 = 12;
/// How long all calls of a check may take: less than the lease, so that no other caller uses the same refresh token.
const PATIENCE: Duration = Duration::from_secs(10);
/// After how many seconds a failed check is made again. A choice.
const RETRY: u32 = 10;
/// How long to wait before looking for the outcome of another caller's check. A choice.
const POLL: Duration = Duration::from_millis(50);

/// What the provider says of a person now.
enum Present {
    /// Is in these groups.
    In(BTreeSet<String>),
    /// Has no access any more, for this reason.
    Gone(&'static str),
}

/// Checks the groups of a session if that is due, gives it their roles or ends it; waits if another caller checks it.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn check(app: &App, secret: &SecretString) -> Result<(), StoreError> {
    let Some(sign_in) = app.sign_in.clone() else {
        tracing::warn!("a session of a person cannot be checked: console.sign_in is not set");
        return Ok(());
    };
    let (app, secret) = (app.clone(), secret.clone());
    // A task of its own, since a client that goes away would otherwise take a new refresh token with it.
    let task = tokio::spawn(async move {
        loop {
            let mut visit = app.store.visit(&secret).await?;
            let found = visit.take_check(LEASE).await?;
            visit.commit().await?;
            match found {
                Check::Taken { session_id, sealed } => {
                    return sign_in.look(&app, &secret, session_id, &sealed).await;
                }
                // The lease of the other caller ends, and so does this.
                Check::Awaited => tokio::time::sleep(POLL).await,
                Check::NotDue => return Ok(()),
            }
        }
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the check of a session failed");
        Ok(())
    })
}

impl SignIn {
    async fn look(&self, app: &App, secret: &SecretString, session_id: Uuid, sealed: &[u8]) -> Result<(), StoreError> {
        let Some(mut kept) = sealed::open::<Kept>(secret, sealed::Purpose::Tokens, session_id.as_bytes(), sealed)
        else {
            tracing::error!(%session_id, "the tokens of a session cannot be decrypted, so it ends");
            return end(app.store.visit(secret).await?, "its tokens cannot be decrypted").await;
        };
        let found = tokio::time::timeout(PATIENCE, self.ask(&mut kept)).await.unwrap_or(Err(ProviderError::Slow));
        let mut visit = app.store.visit(secret).await?;
        let Ok(sealed) = kept.seal(secret, session_id) else {
            tracing::error!("the system has no random numbers");
            return Ok(());
        };
        match found {
            Ok(Present::In(groups)) => {
                let Some(session) = visit.session().await? else { return Ok(()) };
                let roles = self.settings.roles_of(&groups);
                if roles.is_empty() {
                    return end(visit, "no group with a role").await;
                }
                if roles != session.roles {
                    visit.renew(&roles).await?;
                    let detail = json!({ "session_id": session_id, "roles": roles, "before": session.roles });
                    let orgs: BTreeSet<&String> = roles.keys().chain(session.roles.keys()).collect();
                    audit(&mut visit, orgs, "roles renewed", &session.name, &detail).await?;
                }
                visit.note_check(&sealed).await?;
                visit.commit().await
            }
            Ok(Present::Gone(reason)) => end(visit, reason).await,
            Err(error) => {
                tracing::warn!(%session_id, error = chain(&error), "the provider cannot be asked for a person's groups");
                visit
                    .note_failed_check(&sealed, RETRY.min(self.settings.check_seconds), self.settings.outage_seconds)
                    .await?;
                visit.commit().await
            }
        }
    }

    /// Asks for the groups, and replaces the tokens if new ones were needed.
    async fn ask(&self, kept: &mut Kept) -> Result<Present, ProviderError> {
        let metadata = self.provider.metadata(&self.settings).await?;
        let userinfo = metadata.userinfo_endpoint.as_ref().filter(|_| kept.by_userinfo);
        if let Some(url) = userinfo.filter(|_| kept.access_until.is_none_or(|until| now() < until)) {
            let access = SecretString::from(kept.access.as_str());
            match self.provider.userinfo(url.clone(), &access, &kept.subject).await {
                Ok(claims) => return Ok(self.present(&claims)),
                Err(error) if error.is_final() => {}
                Err(error) => return Err(error),
            }
        }
        let Some(refresh) = kept.refresh.as_deref().map(SecretString::from) else {
            return Ok(Present::Gone("the provider's token holds no longer, and it gave none to refresh it"));
        };
        let tokens = match self.provider.refresh(&self.settings, &refresh).await {
            Err(error) if error.is_final() => return Ok(Present::Gone("the provider refreshes no longer")),
            answer => answer?,
        };
        kept.replace(&tokens);
        if let Some(id_token) = &tokens.id_token {
            let claims = self.provider.verify(&self.settings, id_token, None).await?;
            if id_token::text(&claims, "sub") != Some(&*kept.subject) {
                return Ok(Present::Gone("the provider's token is of another person"));
            }
            if !kept.by_userinfo {
                return Ok(self.present(&claims));
            }
        }
        let Some(url) = userinfo else {
            return Ok(Present::Gone("the provider's answer has no groups"));
        };
        match self.provider.userinfo(url.clone(), &tokens.access_token, &kept.subject).await {
            Err(error) if error.is_final() => Ok(Present::Gone("the provider's token holds no longer")),
            answer => Ok(self.present(&answer?)),
        }
    }

    /// Returns the groups of claims. Providers leave the claim out when there are none.
    fn present(&self, claims: &id_token::Claims) -> Present {
        Present::In(groups(claims, &self.settings.groups_claim).unwrap_or_default())
    }
}

/// Ends a session, and records that.
async fn end(mut visit: Visit, reason: &str) -> Result<(), StoreError> {
    let Some(session) = visit.session().await? else { return Ok(()) };
    let detail = json!({ "session_id": session.session_id, "reason": reason });
    audit(&mut visit, session.roles.keys(), "session ended", &session.name, &detail).await?;
    visit.end_session(session.session_id).await?;
    visit.commit().await
}

/// Records an action on a session in the trail of each of its orgs.
pub(crate) async fn audit(
    visit: &mut Visit,
    orgs: impl IntoIterator<Item = &String>,
    action: &str,
    name: &str,
    detail: &serde_json::Value,
) -> Result<(), StoreError> {
    for org in orgs {
        let org = (org != "*").then(|| OrgId::new(org));
        visit.audit(org.as_ref(), action, name, detail).await?;
    }
    Ok(())
}
