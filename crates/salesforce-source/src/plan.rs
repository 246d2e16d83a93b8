//! Asks an org what it offers.

use crate::settings::{ConnectedOrg, Files, Stored};
use salesforce::reading::plan::{KindPlan, Offer, Plan, asked_for, topic_path};
use salesforce_client::{Client, Error, Trouble};

/// Asks the org for its topics and objects of the kinds in the settings.
///
/// # Errors
/// If a request fails for another reason than that the org or its user does not have the topic or object.
pub(crate) async fn discover(client: &Client, settings: &ConnectedOrg) -> salesforce_client::Result<Plan> {
    let log_files = match settings.log_files {
        Files::Off => Err(Offer::None),
        Files::Hourly | Files::Daily => object(client, "EventLogFile", "give the user View Event Log Files").await?,
    };
    let mut kinds = Vec::new();
    for entry in asked_for(settings.kinds.as_deref()) {
        let stream = match entry.stream.filter(|_| settings.streams) {
            Some(name) => topic(client, name).await?,
            None => Offer::None,
        };
        let stored = match entry.stored.filter(|_| settings.stored != Stored::Off) {
            Some(name) => object(client, name, "turn on its storage in the Event Manager")
                .await?
                .map_or_else(|offer| offer, |()| Offer::Has(name)),
            None => Offer::None,
        };
        let log_objects = match entry.log_objects.first().filter(|_| settings.log_objects) {
            Some(name) => object(client, name, "give the user View Event Log Object Data")
                .await?
                .map_or_else(|offer| offer, |()| Offer::Has(name)),
            None => Offer::None,
        };
        let log_files = match (entry.log_files.first(), &log_files) {
            (Some(name), Ok(())) => Offer::Has(name),
            (Some(_), Err(offer)) => offer.clone(),
            (None, _) => Offer::None,
        };
        kinds.push(KindPlan { kind: entry.kind, stream, stored, log_objects, log_files });
    }
    Ok(Plan { kinds })
}

/// Returns the stored objects of the kinds in the settings.
pub fn stored_objects(settings: &ConnectedOrg) -> Vec<&'static str> {
    asked_for(settings.kinds.as_deref()).filter_map(|entry| entry.stored).collect()
}

async fn topic(client: &Client, name: &'static str) -> salesforce_client::Result<Offer> {
    let advice = "turn on its streaming in the Event Manager and give the user View Real-Time Event Monitoring Data";
    match client.topic(&topic_path(name)).await {
        Ok(topic) if topic.can_subscribe => Ok(Offer::Has(name)),
        Ok(_) => Ok(Offer::Missing(format!("the user may not subscribe to {name}: {advice}"))),
        Err(error) if is_missing(&error) => Ok(Offer::Missing(format!("the org has no topic {name}: {advice}"))),
        Err(error) => Err(error),
    }
}

async fn object(client: &Client, name: &str, advice: &str) -> salesforce_client::Result<Result<(), Offer>> {
    match client.describe(name).await {
        Ok(description) if description.is_queryable => Ok(Ok(())),
        Ok(_) => Ok(Err(Offer::Missing(format!("{name} cannot be queried: {advice}")))),
        Err(error) if is_missing(&error) => Ok(Err(Offer::Missing(format!("the org has no {name}: {advice}")))),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error.trouble(), Trouble::Denied | Trouble::Query)
}
