//! What an org offers, and which channel leads for each kind of events.

use super::catalog::{CATALOG, CatalogEntry};
use super::leads::Leads;
use model::{Channel, Kind};
use std::collections::BTreeMap;

/// What an org offers of every kind that is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// One entry for each kind.
    pub kinds: Vec<KindPlan>,
}

/// What each channel of an org offers of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct KindPlan {
    /// The kind.
    pub kind: Kind,
    /// Its stream.
    pub stream: Offer,
    /// Its stored object.
    pub stored: Offer,
    /// Its event log objects.
    pub log_objects: Offer,
    /// Its event log files.
    pub log_files: Offer,
}

/// Whether a channel has a kind of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It has, under this name.
    Has(&'static str),
    /// The org or its user does not have it. The text is for an operator: the problem, a colon, and what to do.
    Missing(String),
    /// Salesforce offers none, or the settings leave it out.
    None,
}

/// A stream to subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The name of a streamed object, or of a custom channel.
    pub name: String,
    /// The kinds of its events.
    pub kinds: Vec<Kind>,
}

impl Topic {
    /// Returns its path in the Pub/Sub API.
    pub fn path(&self) -> String {
        topic_path(&self.name)
    }
}

impl Plan {
    /// Returns the topics to subscribe to: one for each custom channel, and one for each kind that is in none.
    pub fn topics(&self, channels: &BTreeMap<String, Vec<Kind>>) -> Vec<Topic> {
        let mut topics: BTreeMap<String, Vec<Kind>> = BTreeMap::new();
        for plan in &self.kinds {
            let Offer::Has(name) = plan.stream else { continue };
            let channel = channels.iter().find(|(_, kinds)| kinds.contains(&plan.kind));
            let name = channel.map_or(name, |(channel, _)| channel.as_str());
            topics.entry(name.to_owned()).or_default().push(plan.kind);
        }
        topics.into_iter().map(|(name, kinds)| Topic { name, kinds }).collect()
    }

    /// Returns the leading and the filling channel of each kind.
    pub fn leads(&self) -> Leads {
        let leads = self.kinds.iter().filter_map(|plan| Some((plan.kind, plan.lead()?)));
        let fillers = self.kinds.iter().filter_map(|plan| Some((plan.kind, plan.filler()?)));
        Leads::new(leads.collect(), fillers.collect())
    }
}

impl KindPlan {
    /// Returns the leading channel: the fastest that has the kind.
    pub fn lead(&self) -> Option<Channel> {
        self.offers().into_iter().find(|(_, offer)| matches!(offer, Offer::Has(_))).map(|(channel, _)| channel)
    }

    /// Returns every channel with its offer, from the fastest to the slowest.
    pub fn offers(&self) -> [(Channel, &Offer); 4] {
        [
            (Channel::Stream, &self.stream),
            (Channel::Stored, &self.stored),
            (Channel::LogObject, &self.log_objects),
            (Channel::LogFile, &self.log_files),
        ]
    }

    /// Returns the channel that fills gaps of the leading one: stored events, which have the same identities, else log
    /// files.
    fn filler(&self) -> Option<Channel> {
        let has = |offer: &Offer| matches!(offer, Offer::Has(_));
        match self.lead()? {
            Channel::Stream | Channel::Stored if has(&self.stored) => Some(Channel::Stored),
            Channel::Stream | Channel::Stored if has(&self.log_files) => Some(Channel::LogFile),
            _ => None,
        }
    }
}

/// Returns the catalog entries of these kinds; all of them if `kinds` is `None`.
pub fn asked_for(kinds: Option<&[Kind]>) -> impl Iterator<Item = &'static CatalogEntry> {
    CATALOG.iter().filter(move |entry| kinds.is_none_or(|kinds| kinds.contains(&entry.kind)))
}

/// Returns the path of a topic in the Pub/Sub API.
pub fn topic_path(name: &str) -> String {
    format!("/event/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::leads::precedence;

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
        let all = plan(has(), has(), has());
        let order = all.offers().map(|(channel, _)| precedence(channel));
        assert!(order.is_sorted(), "{order:?}");
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
        let kinds = |asked| asked_for(asked).map(|entry| entry.kind).collect::<Vec<_>>();
        assert_eq!(kinds(Some(&[Kind::Report])), [Kind::Report]);
        assert_eq!(kinds(None).len(), CATALOG.len());
    }
}
