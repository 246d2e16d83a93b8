//! What detectors judge: an activity, or a closed hour, with the features that the profile had for it
//! before it was learned.
//!
//! An observation carries only features that lean towards the unusual; what lies within one scale of
//! the usual is normal by construction and is not sent.

use crate::activity::words;
use crate::{Activity, Kind, OrgId, Rate, Scope, Text, Timestamp, UserId, Usual};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    pub org_id: OrgId,
    pub user_id: UserId,
    pub username: Option<Text>,
    pub user_class: UserClass,
    /// Event time of the activity; of the last one before it for a closed hour or day.
    pub at: Timestamp,
    /// Start of the day in the org's time zone: what a daily finding is about.
    pub day: Timestamp,
    /// Grows with every observation of the user.
    pub revision: u64,
    /// `None` for a closed hour.
    pub activity: Option<Box<Activity>>,
    pub features: Vec<Feature>,
    /// Kinds of events that were missing at the time, in order: what they would have told is not known.
    pub blind: Vec<Kind>,
}

words! {
    /// How an account behaves, learned from its activity.
    UserClass { Normal = "normal", Power = "power", Admin = "admin", Integration = "integration", Guest = "guest" }
}

words! {
    /// Where rows leave through.
    Surface { ListView = "list_view", Report = "report", Api = "api", Bulk = "bulk", File = "file" }
}

words! {
    /// Features that one deployment of detectors judges together, and that travel under a subject of their own.
    Family {
        Volume = "volume",
        Novelty = "novelty",
        Identity = "identity",
        Time = "time",
        Reconnaissance = "reconnaissance",
        Native = "native",
    }
}

impl Observation {
    /// The same observation once for each family, with the features of that family.
    pub fn by_family(self) -> Vec<(Family, Self)> {
        let mut families: Vec<(Family, Self)> = Vec::with_capacity(1);
        let Self { features, activity, .. } = self;
        let bare = Self { features: Vec::new(), activity: None, ..self };
        for feature in features {
            let family = feature.family();
            match families.iter_mut().find(|(known, _)| *known == family) {
                Some((_, observation)) => observation.features.push(feature),
                None => {
                    let (activity, features) = (activity.clone(), vec![feature]);
                    families.push((family, Self { activity, features, ..bare.clone() }));
                }
            }
        }
        families
    }
}

/// Something about an observation that leans towards the unusual, with what would have been usual.
#[derive(Clone, Debug, PartialEq)]
pub enum Feature {
    Volume(Volume),
    Burst(Burst),
    /// A view wider than the user's own.
    Scope(First),
    /// An object never accessed before.
    Object(First),
    /// A report never exported before.
    Export(First),
    Client(Rarity),
    Network(Rarity),
    Failures(Failures),
    Session(SessionChange),
    Delegated(Delegated),
    Hour(HourOfWeek),
    Recon(Spread),
    Downloads(Downloads),
    Drain(Drain),
    /// The activity is a Threat Detection event.
    Native,
}

impl Feature {
    pub fn family(&self) -> Family {
        match self {
            Self::Volume(_) | Self::Burst(_) | Self::Downloads(_) | Self::Drain(_) => Family::Volume,
            Self::Scope(_) | Self::Object(_) | Self::Export(_) => Family::Novelty,
            Self::Client(_) | Self::Network(_) | Self::Failures(_) | Self::Session(_) | Self::Delegated(_) => {
                Family::Identity
            }
            Self::Hour(_) => Family::Time,
            Self::Recon(_) => Family::Reconnaissance,
            Self::Native => Family::Native,
        }
    }
}

/// Rows of one source in the day so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    pub surface: Surface,
    pub rows: f64,
    /// Rows of the largest clock hour so far.
    pub hour_rows: f64,
    pub requests: u32,
    pub day: Usual,
    /// Largest clock hour of a day.
    pub hour: Usual,
    /// Rows a request, averaged over the day.
    pub per_request: Usual,
    /// The same day of a random member of the user's class.
    pub peer: Usual,
    pub objects: Vec<Text>,
    /// Activities that brought most of the rows.
    pub evidence: Vec<Uuid>,
    /// The day is over: nothing will be added but late events.
    pub closed: bool,
    /// Earlier days, weeks ago, that brought about as much.
    pub recurrences: u32,
}

/// Requests within a minute that page loads do not explain.
#[derive(Clone, Debug, PartialEq)]
pub struct Burst {
    pub requests: u32,
    /// Requests less those explained by page loads of known views.
    pub effective: u32,
    /// Milliseconds from the first request to the last.
    pub span: i64,
    pub usual: Rate,
    /// Share of the day's views and reports that are part of the account's job, 0 to 1.
    pub known_share: f64,
    pub objects: Vec<Text>,
    pub evidence: Vec<Uuid>,
}

/// First-time accesses of the day: wider scopes, new objects, or new report exports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct First {
    /// The first of them.
    pub name: Text,
    /// How many; of wider scopes, the requests for them.
    pub today: u32,
    pub names: Vec<Text>,
    pub usual: Rate,
    /// Share of the user's class that knows `name`, and the size of the class.
    pub peer_share: f64,
    pub peers: u32,
    /// Rows a request of them, and what is usual of such.
    pub rows: Option<u64>,
    pub request: Usual,
    pub from_views: Vec<Text>,
    pub to_view: Option<Text>,
    pub from_scope: Option<Scope>,
    pub to_scope: Option<Scope>,
    pub evidence: Vec<Uuid>,
    /// Share of user-days of the population that bring at least as many firsts.
    pub peer_tail: f64,
    /// Share of the day's views and reports that are part of the account's job, 0 to 1.
    pub known_share: f64,
}

/// A client or network that is rare for the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Rarity {
    pub value: Text,
    /// Days on which the user had this value.
    pub seen: f64,
    /// Active days in all.
    pub days: f64,
    /// Share of the population's users that know this value.
    pub peer_share: f64,
    /// Share of what users take up that is at most as common as this value.
    pub peer_tail: f64,
    /// How often the user brings a new value, a day.
    pub usual: Rate,
    pub country: Option<Text>,
    pub new_country: bool,
    pub known: Vec<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Failures {
    /// Failed logins before this success, decayed with 15 minutes.
    pub recent: f64,
    pub count: u32,
    pub usual: Rate,
    pub new_network: bool,
    pub evidence: Vec<Uuid>,
}

/// A session that continues from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionChange {
    pub from_network: Option<Text>,
    pub to_network: Option<Text>,
    pub from_client: Option<Text>,
    pub to_client: Option<Text>,
    /// How often the user's sessions change their network, a day.
    pub usual: Rate,
    /// Whether the user had the new network on an earlier day.
    pub known_network: bool,
    /// Milliseconds since the session was last seen at the earlier place.
    pub elapsed: i64,
}

/// Work done in a session opened by LoginAs.
#[derive(Clone, Debug, PartialEq)]
pub struct Delegated {
    pub delegate: Text,
    pub rows: f64,
    pub exports: u32,
    pub requests: u32,
    /// Rows that LoginAs sessions of the org usually bring.
    pub usual: Usual,
    pub evidence: Vec<Uuid>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HourOfWeek {
    /// 0 is Monday from 00:00 to 01:00 in the org's time zone.
    pub hour: u32,
    /// Probability that the user, shrunk to the class, is active in an hour this unusual.
    pub share: f64,
    pub days: f64,
    pub rows: f64,
    pub requests: u32,
}

/// Distinct objects touched over the API in the day.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    pub objects: u32,
    /// Of which the user never touched before.
    pub unknown: u32,
    /// Requests that brought no rows.
    pub empty: u32,
    pub usual: Rate,
    pub names: Vec<Text>,
    pub evidence: Vec<Uuid>,
}

/// Bulk results and files downloaded in the day.
#[derive(Clone, Debug, PartialEq)]
pub struct Downloads {
    pub count: u32,
    pub bytes: u64,
    pub usual: Rate,
    pub evidence: Vec<Uuid>,
    /// Earlier days, weeks ago, with about as many.
    pub recurrences: u32,
}

/// Modest excess on many days.
#[derive(Clone, Debug, PartialEq)]
pub struct Drain {
    pub surface: Surface,
    /// Start of the day on which the run began: what the finding is about.
    pub since: Timestamp,
    /// log10 of the e-process over the days.
    pub log10_e: f64,
    /// Days since the e-process was last at 1.
    pub days: u32,
    /// Rows over these days, as a multiple of the usual.
    pub excess: f64,
    pub rows: f64,
    pub usual_rows: f64,
    /// Days of own evidence.
    pub evidence: f64,
}
