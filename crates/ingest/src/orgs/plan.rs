//! What an org offers, and which channel is to lead for each kind of events.

use super::catalog::{CATALOG, Watched};
use super::leads::Leads;
use super::settings::{ConnectedOrg, Files, Stored};
use model::{Channel, Kind};
use salesforce_client::{Client, Error, Trouble};
use std::collections::BTreeMap;

/// What was found out about an org.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) kinds: Vec<KindPlan>,
}

/// One kind of events, by each channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KindPlan {
    pub(crate) kind: Kind,
    pub(crate) stream: Offer,
    pub(crate) stored: Offer,
    pub(crate) log_objects: Offer,
    pub(crate) log_files: Offer,
}

/// A stream of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    /// Of a streamed object, or of a custom channel.
    pub(crate) name: String,
    pub(crate) kinds: Vec<Kind>,
}

impl Topic {
    /// As the Pub/Sub API has it.
    pub(crate) fn path(&self) -> String {
        path(&self.name)
    }
}

/// Whether a channel has a kind of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Under this name.
    Has(&'static str),
    /// Not in this org or not for this user; in words for an operator.
    Missing(String),
    /// Salesforce has no such thing, or it is not to be used.
    None,
}

impl Plan {
    /// Asks the org for its topics and objects.
    ///
    /// # Errors
    /// If it cannot be asked; what it does not have is in the plan.
    pub(crate) async fn discover(client: &Client, settings: &ConnectedOrg) -> salesforce_client::Result<Self> {
        let log_files = match settings.log_files {
            Files::Off => Err(Offer::None),
            Files::Hourly | Files::Daily => {
                object(client, "EventLogFile", "give the user View Event Log Files").await?
            }
        };
        let mut kinds = Vec::new();
        for watched in asked_for(settings) {
            let stream = match watched.stream.filter(|_| settings.streams) {
                Some(name) => topic(client, name).await?,
                None => Offer::None,
            };
            let stored = match watched.stored.filter(|_| settings.stored != Stored::Off) {
                Some(name) => object(client, name, "turn on its storage in the Event Manager")
                    .await?
                    .map_or_else(|offer| offer, |()| Offer::Has(name)),
                None => Offer::None,
            };
            let log_objects = match watched.log_objects.first().filter(|_| settings.log_objects) {
                Some(name) => object(client, name, "give the user View Event Log Object Data")
                    .await?
                    .map_or_else(|offer| offer, |()| Offer::Has(name)),
                None => Offer::None,
            };
            let log_files = match (watched.log_files.first(), &log_files) {
                (Some(name), Ok(())) => Offer::Has(name),
                (Some(_), Err(offer)) => offer.clone(),
                (None, _) => Offer::None,
            };
            kinds.push(KindPlan { kind: watched.kind, stream, stored, log_objects, log_files });
        }
        Ok(Self { kinds })
    }

    /// The topics to subscribe to: one for each custom channel, and one for each kind that is on none.
    pub(crate) fn topics(&self, channels: &BTreeMap<String, Vec<Kind>>) -> Vec<Topic> {
        let mut topics: BTreeMap<String, Vec<Kind>> = BTreeMap::new();
        for plan in &self.kinds {
            let Offer::Has(name) = plan.stream else { continue };
            let channel = channels.iter().find(|(_, kinds)| kinds.contains(&plan.kind));
            let name = channel.map_or(name, |(channel, _)| channel.as_str());
            topics.entry(name.to_owned()).or_default().push(plan.kind);
        }
        topics.into_iter().map(|(name, kinds)| Topic { name, kinds }).collect()
    }

    pub(crate) fn leads(&self) -> Leads {
        let leads = self.kinds.iter().filter_map(|plan| Some((plan.kind, plan.lead()?)));
        let fillers = self.kinds.iter().filter_map(|plan| Some((plan.kind, plan.filler()?)));
        Leads::new(leads.collect(), fillers.collect())
    }
}

impl KindPlan {
    /// The fastest that there is.
    pub(crate) fn lead(&self) -> Option<Channel> {
        self.offers().into_iter().find(|(_, offer)| matches!(offer, Offer::Has(_))).map(|(channel, _)| channel)
    }

    /// What tells of that which the lead has missed: events that have its identities, else log files.
    fn filler(&self) -> Option<Channel> {
        let has = |offer: &Offer| matches!(offer, Offer::Has(_));
        match self.lead()? {
            Channel::Stream | Channel::Stored if has(&self.stored) => Some(Channel::Stored),
            Channel::Stream | Channel::Stored if has(&self.log_files) => Some(Channel::LogFile),
            _ => None,
        }
    }

    /// From the fastest channel to the slowest.
    pub(crate) fn offers(&self) -> [(Channel, &Offer); 4] {
        [
            (Channel::Stream, &self.stream),
            (Channel::Stored, &self.stored),
            (Channel::LogObject, &self.log_objects),
            (Channel::LogFile, &self.log_files),
        ]
    }
}

/// The kinds that are to be read.
pub(crate) fn asked_for(settings: &ConnectedOrg) -> impl Iterator<Item = &'static Watched> {
    let kinds = settings.kinds.as_deref();
    CATALOG.iter().filter(move |watched| kinds.is_none_or(|kinds| kinds.contains(&watched.kind)))
}

/// The stored objects of the kinds that are to be read.
pub fn stored_objects(settings: &ConnectedOrg) -> Vec<&'static str> {
    asked_for(settings).filter_map(|watched| watched.stored).collect()
}

fn path(topic: &str) -> String {
    format!("/event/{topic}")
}

async fn topic(client: &Client, name: &'static str) -> salesforce_client::Result<Offer> {
    let advice = "turn on its streaming in the Event Manager and give the user View Real-Time Event Monitoring Data";
    match client.topic(&path(name)).await {
        Ok(topic) if topic.can_subscribe => Ok(Offer::Has(name)),
        Ok(_) => Ok(Offer::Missing(format!("the user may not subscribe to {name}: {advice}"))),
        Err(error) if is_missing(&error) => Ok(Offer::Missing(format!("there is no topic of {name}: {advice}"))),
        Err(error) => Err(error),
    }
}

async fn object(client: &Client, name: &str, advice: &str) -> salesforce_client::Result<Result<(), Offer>> {
    match client.describe(name).await {
        Ok(description) if description.is_queryable => Ok(Ok(())),
        Ok(_) => Ok(Err(Offer::Missing(format!("{name} cannot be queried: {advice}")))),
        Err(error) if is_missing(&error) => Ok(Err(Offer::Missing(format!("there is no {name}: {advice}")))),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error.trouble(), Trouble::Denied | Trouble::Query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(stream: Offer, stored: Offer, log_files: Offer) -> KindPlan {
        KindPlan { kind: Kind::Login, stream, stored, log_objects: Offer::None, log_files }
    }

    #[test]
    fn the_fastest_channel_leads() {
        let has = || Offer::Has("X");
        let missing = || Offer::Missing("not there".to_owned());
        assert_eq!(plan(has(), has(), has()).lead(), Some(Channel::Stream));
        assert_eq!(plan(missing(), has(), has()).lead(), Some(Channel::Stored));
        assert_eq!(plan(Offer::None, missing(), has()).lead(), Some(Channel::LogFile));
        assert_eq!(plan(missing(), missing(), missing()).lead(), None);
    }

    #[test]
    fn kinds_of_a_custom_channel_share_a_topic() {
        let kind = |kind, name| KindPlan { kind, ..plan(Offer::Has(name), Offer::None, Offer::None) };
        let missing = KindPlan { kind: Kind::Uri, ..plan(Offer::None, Offer::None, Offer::None) };
        let plan = Plan { kinds: vec![kind(Kind::Login, "A"), kind(Kind::Logout, "B"), kind(Kind::Api, "C"), missing] };
        let channels = BTreeMap::from([("Our__chn".to_owned(), vec![Kind::Api, Kind::Login, Kind::Uri])]);
        let topics = plan.topics(&channels);
        let names: Vec<(String, &[Kind])> = topics.iter().map(|topic| (topic.path(), &*topic.kinds)).collect();
        assert_eq!(
            names,
            [("/event/B".to_owned(), &[Kind::Logout][..]), ("/event/Our__chn".to_owned(), &[Kind::Login, Kind::Api])]
        );
    }

    #[test]
    fn only_kinds_that_are_asked_for_are_read() {
        let settings = ConnectedOrg { kinds: Some(vec![Kind::Report]), ..ConnectedOrg::default() };
        assert_eq!(asked_for(&settings).map(|watched| watched.kind).collect::<Vec<_>>(), [Kind::Report]);
        assert_eq!(asked_for(&ConnectedOrg::default()).count(), CATALOG.len());
    }
}
