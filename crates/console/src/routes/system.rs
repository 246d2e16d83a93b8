//! How orgwatch itself stands: services, partitions, consumers, and how long incidents take.

use crate::access::Visitor;
use crate::body::{ConsumerBody, Latency, PartitionBody, ServiceBody, time};
use crate::problem::{Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use bus::{Backlog, Consumer};
use model::OrgId;
use std::collections::BTreeMap;

/// Incidents by which latency is measured. A choice: enough for the 95 % of them.
const LATEST: u32 = 100;

/// List services
///
/// With their replicas, as each reports itself every minute; a service without any is listed, too. They name no org, so
/// every session sees them.
#[utoipa::path(get, path = "/v1/services", operation_id = "listServices", tag = "operations",
    responses(
        (status = 200, description = "The services, in the order in which events pass through them", body = Vec<ServiceBody>),
        Problems))]
pub(crate) async fn services(mut visitor: Visitor) -> Result<Json<Vec<ServiceBody>>, Problem> {
    Ok(Json(ServiceBody::all(visitor.visit.replicas().await?)))
}

/// List partitions
///
/// Those in which orgs of the session have state, with the checkpoint and what waits for baseline. A session with a role in
/// all orgs sees also those without an org in which messages wait. What waits may be of other orgs in the same partition:
/// these are counted and not named.
#[utoipa::path(get, path = "/v1/partitions", operation_id = "listPartitions", tag = "operations",
    responses(
        (status = 200, description = "The partitions, by their number", body = Vec<PartitionBody>),
        Problems))]
pub(crate) async fn partitions(
    State(app): State<App>,
    mut visitor: Visitor,
) -> Result<Json<Vec<PartitionBody>>, Problem> {
    let mut partitions: BTreeMap<i32, PartitionBody> = BTreeMap::new();
    for placed in visitor.visit.placed_orgs().await? {
        let partition = partitions.entry(placed.partition).or_insert_with(|| PartitionBody::new(placed.partition));
        partition.orgs.push(placed.org_id.to_string());
        partition.applied = placed.applied;
        partition.checkpoint_at = placed.checkpoint_at.map(time);
    }
    let sees_all = visitor.require_all_orgs().is_ok();
    // The database is not needed while NATS is asked.
    drop(visitor);
    let Some(bus) = &app.bus else { return Ok(Json(partitions.into_values().collect())) };
    if sees_all {
        for partition in (0..bus.settings().partitions).map(i32::from) {
            partitions.entry(partition).or_insert_with(|| PartitionBody::new(partition));
        }
    }
    let numbers: Vec<u16> = partitions.keys().filter_map(|partition| u16::try_from(*partition).ok()).collect();
    let consumers: Vec<Consumer> = numbers.iter().map(|number| Consumer::baseline(*number)).collect();
    let backlogs = bus.backlogs(&consumers).await;
    let backlogs: BTreeMap<i32, Option<Backlog>> = numbers.into_iter().map(i32::from).zip(backlogs).collect();
    let found =
        partitions.into_iter().map(|(number, partition)| partition.with(backlogs.get(&number).copied().flatten()));
    let is_of_interest = |partition: &PartitionBody| !partition.orgs.is_empty() || partition.waiting > Some(0);
    Ok(Json(found.filter(is_of_interest).collect()))
}

/// List consumers
///
/// How many messages wait for each group of detectors, the correlator and the notifier; `/v1/partitions` has those of
/// baseline. They are of all orgs, so this takes a role in all orgs.
#[utoipa::path(get, path = "/v1/consumers", operation_id = "listConsumers", tag = "operations",
    responses(
        (status = 200, description = "The consumers, in the order in which events pass through them", body = Vec<ConsumerBody>),
        Problems))]
pub(crate) async fn consumers(State(app): State<App>, visitor: Visitor) -> Result<Json<Vec<ConsumerBody>>, Problem> {
    visitor.require_all_orgs()?;
    drop(visitor);
    let bus = app.bus()?;
    let mut consumers = bus.detector_consumers().await?;
    consumers.extend([Consumer::correlator(), Consumer::notifier()]);
    let backlogs = bus.backlogs(&consumers).await;
    let bodies = consumers.iter().zip(backlogs).map(|(consumer, backlog)| ConsumerBody::new(consumer, backlog));
    Ok(Json(bodies.collect()))
}

/// Read how long incidents of an org took
///
/// From the event to the incident, and from the incident to its notification, of the 100 incidents with the latest events.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/latency", operation_id = "readLatency", tag = "operations",
    params(("org_id" = String, Path, description = "Salesforce id of the org")),
    responses(
        (status = 200, description = "The latency", body = Latency),
        Problems))]
pub(crate) async fn latency(
    mut visitor: Visitor,
    org: Result<Path<String>, PathRejection>,
) -> Result<Json<Latency>, Problem> {
    let Path(org) = org?;
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    Ok(Json(Latency::of(&visitor.visit.incident_times(&org, LATEST).await?)))
}
