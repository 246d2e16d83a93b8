//! Deletes an account, an org or the state of a partition. Baseline keeps running: it hands over the partitions
//! concerned and claims them again afterwards.

use super::database;
use super::operate::print;
use crate::arguments::{OrgCommand, PartitionCommand, UserCommand};
use crate::config::Config;
use crate::placement;
use anyhow::{Context, Result, bail};
use model::{OrgId, UserId, id};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;
use store::{ErasureRecord, Owner, StateEntry, StateKey, Store};

/// Removes an org.
///
/// # Errors
/// If the org is configured or unknown, or a partition is not handed over.
pub(crate) async fn org(config: Config, command: OrgCommand) -> Result<ExitCode> {
    let OrgCommand::Remove { org, force, claim } = command;
    if is_configured(&config, &org) && !force {
        bail!(
            "org {org} is still configured and would be learned again: remove it from the configuration first, or use --force"
        );
    }
    let (store, partitions) = open(&config, &org).await?;
    if !store.knows_org(&org).await? {
        bail!("org {org} is unknown: Postgres holds nothing of it, so nothing was removed");
    }
    let owner = take_over(&config, &partitions).await?;
    let mut records = 0;
    for partition in &partitions {
        records += owner.forget_org(*partition, &org).await?;
    }
    let claimed_by = claim.claimed_by.as_deref();
    let record = ErasureRecord { claimed_by, action: "org removed", subject: org.as_str() };
    let erased = store.erase(&org, None, record).await?;
    owner.close().await?;
    let actor = store.login().await?;
    print(&json!({ "org": org, "actor": actor, "claimed_by": claimed_by, "state": records, "deleted": erased }))?;
    Ok(ExitCode::SUCCESS)
}

/// Erases an account.
///
/// # Errors
/// If a partition is not handed over.
pub(crate) async fn user(config: Config, command: UserCommand) -> Result<ExitCode> {
    let UserCommand::Erase { org, user, claim } = command;
    let (store, partitions) = open(&config, &org).await?;
    let owner = take_over(&config, &partitions).await?;
    let mut records = 0;
    for partition in &partitions {
        records += forget_user(&owner, *partition, &org, &user).await?;
    }
    // The audit trail proves the erasure to people who know the account, and does not identify it to others.
    let subject = id::derive(&["account erased", org.as_str(), user.as_str()]).to_string();
    let claimed_by = claim.claimed_by.as_deref();
    let record = ErasureRecord { claimed_by, action: "account erased", subject: &subject };
    let erased = store.erase(&org, Some(&user), record).await?;
    owner.close().await?;
    print(&json!({
        "org": org, "user": user, "audit": subject, "actor": store.login().await?, "claimed_by": claimed_by,
        "state": records, "deleted": erased,
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Deletes the state and the checkpoint of a partition.
///
/// # Errors
/// If there is no such partition, or it is not handed over.
pub(crate) async fn partition(config: Config, command: PartitionCommand) -> Result<ExitCode> {
    let PartitionCommand::Forget { partition, claim } = command;
    let count = config.partitions.count;
    if partition >= count {
        bail!("partition {partition} does not exist: the last one is {}", count.saturating_sub(1));
    }
    let store = database(&config, APPLICATION).await?;
    let owner = take_over(&config, &[partition.into()]).await?;
    let applied = owner.load_checkpoint(partition.into()).await?;
    owner.forget(partition.into()).await?;
    let claimed_by = claim.claimed_by.as_deref();
    store.audit(claimed_by, "partition forgotten", &partition.to_string(), &json!({ "applied": applied })).await?;
    owner.close().await?;
    print(&json!({
        "partition": partition, "actor": store.login().await?, "claimed_by": claimed_by, "was_applied_to": applied,
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Name of the sessions, as Postgres shows it.
const APPLICATION: &str = "orgwatch-operator";
/// How long to wait for a partition. Its owner polls every few seconds for requests, and then takes a last checkpoint.
const PATIENCE: Duration = Duration::from_secs(30);

fn is_configured(config: &Config, org: &OrgId) -> bool {
    let is_it = |other: &OrgId| OrgId::new(other.as_str()) == *org;
    config.ingest.orgs.keys().any(is_it) || config.ingest.salesforce.orgs.values().any(|read| is_it(&read.org_id))
}

/// Connects to the database. Returns also the partitions that hold the state of the org.
async fn open(config: &Config, org: &OrgId) -> Result<(Store, Vec<i32>)> {
    let store = database(config, APPLICATION).await?;
    let partitions = config.partitions.partitions();
    placement::check(&store, &partitions).await?;
    Ok((store, partitions.of_org(org).into_iter().map(i32::from).collect()))
}

/// Takes partitions over from baseline.
async fn take_over(config: &Config, partitions: &[i32]) -> Result<Owner> {
    let namespace = baseline::namespace(&config.nats.prefix);
    let owner = Owner::connect_as_nonmember(&config.postgres, APPLICATION, &namespace).await?;
    for partition in partitions {
        if !owner.take_over(*partition, PATIENCE).await? {
            bail!(
                "partition {partition} was not released by its owner within {PATIENCE:?}: stop baseline and try again"
            );
        }
    }
    Ok(owner)
}

/// Removes an account from the state of a partition. Returns the number of changed records.
async fn forget_user(owner: &Owner, partition: i32, org: &OrgId, user: &UserId) -> Result<usize> {
    let Some(applied) = owner.load_checkpoint(partition).await? else { return Ok(0) };
    let mut of_org = Vec::new();
    let mut page = owner.load_page(partition, profile::Org::USERS, None).await?;
    while let Some(last) = page.last().map(|last| StateKey { org_id: last.org_id.clone(), key: last.key.clone() }) {
        let stored =
            page.into_iter().filter(|entry| entry.org_id == *org && !entry.key.starts_with(profile::Org::IDENTITIES));
        of_org.extend(stored.map(|entry| (entry.key, entry.bytes)));
        page = owner.load_page(partition, profile::Org::USERS, Some(&last)).await?;
    }
    let changes = profile::erase(of_org, user).with_context(|| format!("partition {partition}"))?;
    let count = changes.len();
    let (mut upserts, mut deletes) = (Vec::new(), Vec::new());
    for profile::Record { key, bytes } in changes {
        let org_id = org.clone();
        match bytes {
            Some(bytes) => upserts.push(StateEntry { org_id, key, bytes }),
            None => deletes.push(StateKey { org_id, key }),
        }
    }
    if count > 0 {
        owner.checkpoint(partition, applied, &upserts, &deletes, &[], &[]).await?;
    }
    Ok(count)
}
